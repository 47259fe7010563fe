import { expect, test } from "bun:test";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { type ChatStorage, indexedDbStorage, memoryStorage } from "../../src/client/storage.ts";

const factory = new IDBFactory();
const world = { indexedDB: factory, IDBKeyRange } as never;
const broken = (indexedDB: unknown) => ({ indexedDB, IDBKeyRange }) as never;

const KINDS: [string, () => ChatStorage][] = [
  ["memory", memoryStorage],
  ["IndexedDB", () => indexedDbStorage("a", world)],
  ["no IndexedDB", () => indexedDbStorage("a", broken(undefined))],
  [
    "an IndexedDB that throws",
    () =>
      indexedDbStorage(
        "a",
        broken({
          open: () => {
            throw new Error("SecurityError");
          },
        }),
      ),
  ],
];

for (const [kind, create] of KINDS)
  test(`${kind} keeps values, lists them by prefix, and forgets what is deleted`, async () => {
    const storage = create();
    const value = { n: 1 };
    await storage.set("a/1", value);
    value.n = 2;
    await storage.set("a/2", [null]);
    await storage.set("b/1", "x");
    expect(await storage.get("a/1")).toEqual({ n: 1 });
    expect(await storage.entries("a/")).toEqual([["a/1", { n: 1 }], ["a/2", [null]]]); // prettier-ignore
    await storage.delete("a/1");
    expect(await storage.get("a/1")).toBeUndefined();
  });

test("IndexedDB keeps values for the next page", async () => {
  await indexedDbStorage("pages", world).set("key", 1);
  expect(await indexedDbStorage("pages", world).get("key")).toBe(1);
  expect(await indexedDbStorage("other", world).get("key")).toBeUndefined();
});

test("a value that IndexedDB refuses is told to the one who stores it", async () => {
  const refusal = await indexedDbStorage("a", world)
    .set("key", () => {})
    .catch((error) => error);
  expect(refusal).toBeInstanceOf(Error);
});

test("IndexedDB that the browser has closed is opened again, and stands in nobody's way", async () => {
  const open: { close(): void }[] = [];
  const watched = {
    open: (name: string, version: number) => {
      const request = factory.open(name, version);
      request.addEventListener("success", () => open.push(request.result));
      return request;
    },
  };
  const storage = indexedDbStorage("closed", broken(watched));
  await storage.set("key", 1);
  open[0]!.close();
  const both = [storage.set("key", 2), storage.set("key", 3)];
  await Promise.all(both);
  expect([await storage.get("key"), open.length]).toEqual([3, 2]);

  const deletion = factory.deleteDatabase("closed");
  await new Promise((resolve) => (deletion.onsuccess = resolve));
  expect(await storage.get("key")).toBeUndefined();
});

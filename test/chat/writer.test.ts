import { describe, expect, test } from "bun:test";
import type { ChatStore } from "../../src/chat/store.ts";
import { createWriter, type Draft } from "../../src/chat/writer.ts";
import { DatabaseUnavailable } from "../../src/db/client.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { SimulatedClock } from "../simulation/clock.ts";

type Store = ChatStore["storeMessages"];
const draft = (content: string, more: Partial<Draft> = {}): Draft => ({
  room: GLOBAL_ROOM,
  sender: { id: "ada", username: "ada" },
  sessionId: "ada's",
  content,
  clientId: null,
  audience: [],
  ...more,
});
const stored = (drafts: readonly Draft[]) =>
  drafts.map((_, i) => ({ kind: "stored" as const, id: `m${i}`, seq: i + 1, sentAt: "" }));
const sqlError = (code: string) => Object.assign(new Error(code), { code });

function writerOver(storeMessages: Store, hasRoom: () => boolean = () => true) {
  const clock = new SimulatedClock();
  const committed: string[][] = [];
  const writer = createWriter({
    store: { storeMessages } as ChatStore,
    hasRoom,
    clock,
    committed: (events) => committed.push(events.map((event) => event.body.content)),
    at: () => {},
  });
  return { writer, clock, committed };
}
const outcome = (sent: Promise<unknown>) =>
  sent.then(
    () => "stored",
    (error) => error.code as string,
  );

describe("the writer", () => {
  test("what arrives during a commit is the next batch, in the order of arrival", async () => {
    const batches: string[][] = [];
    const { writer, committed } = writerOver(async (drafts) => {
      batches.push(drafts.map((one) => one.content));
      await Bun.sleep(5);
      return stored(drafts);
    });
    const first = writer.store(draft("a"));
    await Bun.sleep(1);
    await Promise.all([first, ...["b", "c", "d"].map((content) => writer.store(draft(content)))]);
    expect(batches).toEqual([["a"], ["b", "c", "d"]]);
    expect(committed).toEqual(batches);
  });

  test("a batch of many fills the writes it leaves in, and the rest goes with the next", async () => {
    const sizes: number[] = [];
    const { writer, committed } = writerOver(async (drafts) => {
      sizes.push(drafts.length);
      return stored(drafts);
    });
    const contents = Array.from({ length: 32 + 32 + 20 }, (_, i) => `${i}`);
    await Promise.all(contents.map((content) => writer.store(draft(content))));
    expect(sizes).toEqual([64, 20]);
    expect(committed.flat()).toEqual(contents);
  });

  test("private sends do not wait for the global room", async () => {
    const { writer } = writerOver(async (drafts) =>
      drafts[0]!.room === GLOBAL_ROOM ? new Promise(() => {}) : stored(drafts),
    );
    void writer.store(draft("stuck"));
    expect(await outcome(writer.store(draft("private", { room: "r" })))).toBe("stored");
  });

  test("a deadlock stored nothing and is tried again, a few times", async () => {
    let tries = 0;
    const flaky = writerOver(async (drafts) => (++tries < 3 ? Promise.reject(sqlError("40P01")) : stored(drafts)));
    expect(await outcome(flaky.writer.store(draft("a")))).toBe("stored");
    const hopeless = writerOver(async () => Promise.reject(sqlError("40001")));
    expect(await outcome(hopeless.writer.store(draft("a")))).toBe("unavailable");
  });

  test("one poisoned row fails alone", async () => {
    const { writer, committed } = writerOver(async (drafts) =>
      drafts.some((one) => one.content === "poison") ? Promise.reject(sqlError("22021")) : stored(drafts),
    );
    expect(await Promise.all(["a", "poison", "b"].map((content) => outcome(writer.store(draft(content)))))).toEqual([
      "stored",
      "22021",
      "stored",
    ]);
    expect(committed).toEqual([["a"], ["b"]]);
  });

  test("a lost connection is told, and nothing is published", async () => {
    const { writer, committed } = writerOver(async () => Promise.reject(new DatabaseUnavailable()));
    expect(await outcome(writer.store(draft("a")))).toBe("unavailable");
    expect(committed).toEqual([]);
  });

  test("who waited longer than the deadline is refused, and never stored late", async () => {
    const seen: string[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { writer, clock } = writerOver(async (drafts) => {
      seen.push(...drafts.map((one) => one.content));
      await gate;
      return stored(drafts);
    });
    const first = outcome(writer.store(draft("first")));
    await Bun.sleep(1);
    const second = outcome(writer.store(draft("second")));
    await clock.advance(6_000);
    open();
    expect([await first, await second]).toEqual(["stored", "unavailable"]);
    expect(seen).toEqual(["first"]);
  });

  test("without room on the disk nothing reaches the database", async () => {
    const { writer } = writerOver(
      async () => Promise.reject(new Error("must not be asked")),
      () => false,
    );
    expect(await outcome(writer.store(draft("a")))).toBe("unavailable");
  });

  test("idle waits for what is under way", async () => {
    const { writer, committed } = writerOver(async (drafts) => Bun.sleep(20).then(() => stored(drafts)));
    void writer.store(draft("a"));
    void writer.store(draft("b", { room: "r" }));
    await writer.idle();
    expect(committed.flat().sort()).toEqual(["a", "b"]);
  });

  test("idle waits for no more than that, while others go on saying something", async () => {
    let over = false;
    const { writer, committed } = writerOver(async (drafts) => {
      // By the end of each commit somebody has said something more.
      await Bun.sleep(5);
      if (!over) void writer.store(draft("more"));
      return stored(drafts);
    });
    void writer.store(draft("first"));
    await writer.idle();
    over = true;
    expect(committed.flat()).toContain("first");
  });
});

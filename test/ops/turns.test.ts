import { expect, test } from "bun:test";
import { unavailable } from "../../src/errors.ts";
import { createTurns } from "../../src/ops/turns.ts";

test("so many of a key run, the next wait in their order, one more is refused, and other keys do not notice", async () => {
  const inTurn = createTurns(2, 3, unavailable);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const work = (key: string, name: string) =>
    inTurn(key, () => {
      begun.push(name);
      return new Promise<string>((end) => ends.push(() => end(name)));
    });
  const mine = ["a", "b", "c", "d", "e"].map((name) => work("me", name));
  expect((await work("me", "f").catch((error) => error)).code).toBe("unavailable");
  const hers = work("her", "x");
  expect(begun).toEqual(["a", "b", "x"]);
  const failing = inTurn("him", () => Promise.reject(new Error("no")));
  expect((await failing.catch((error) => error)).message).toBe("no");
  while (ends.length) {
    ends.shift()!();
    await Bun.sleep(0);
  }
  expect(await Promise.all([...mine, hers])).toEqual(["a", "b", "c", "d", "e", "x"]);
  expect(begun).toEqual(["a", "b", "x", "c", "d", "e"]);
  // A failure gives its turn back.
  for (let i = 0; i < 9; i++) expect(await inTurn("him", async () => i)).toBe(i);
});

import { expect, test } from "bun:test";
import { createBatch } from "../../src/ops/batch.ts";

test("a key that breaks the question of many is asked for alone, and so is told alone", async () => {
  const asked: number[][] = [];
  const ask = async (keys: number[]) => {
    asked.push(keys);
    if (keys.includes(3)) throw new Error("3 is no number");
    return keys.map((key) => key * 10);
  };
  const told = (one: Promise<number>) => one.catch((error: Error) => error.message);
  const careful = createBatch({ size: 5, inFlight: 1 }, ask, (error) => String(error).includes("3"));
  expect(await Promise.all([1, 2, 3, 4].map((key) => told(careful(key))))).toEqual([10, 20, "3 is no number", 40]);
  expect(asked).toEqual([[1, 2, 3, 4], [1], [2], [3], [4]]);
  // Any other failure is everyone's: a database that is away must not be asked for each.
  const plain = createBatch({ size: 5, inFlight: 1 }, ask);
  expect(await Promise.all([1, 3].map((key) => told(plain(key))))).toEqual(["3 is no number", "3 is no number"]);
});

/** docs/asvs.md is whole, and names no test that is not there. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const page = readFileSync(join(import.meta.dir, "../docs/asvs.md"), "utf8");

/** `1.2.6-8, 1.3.1` as single items. */
const items = (text: string): string[] =>
  [...text.matchAll(/(\d+\.\d+\.)(\d+)(?:-(\d+))?/g)].flatMap(([, section, first, last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => `${section}${Number(first) + i}`),
  );
const level = (n: number) => items(new RegExp(`^Level ${n}: (.*)$`, "m").exec(page)![1]!);
const rows = [...page.matchAll(/^\| (\d+\.\d+\.\d[^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)\|$/gm)].map(
  ([, item, levels, , state, why]) => ({
    item: item!.trim(),
    items: items(item!),
    levels: levels!.trim().split(", "),
    state: state!.trim(),
    why: why!,
    named: [...why!.matchAll(/`([\w/-]+(?:\.test)?\.ts): ([^`]+)`/g)].map(([, file, name]) => [file!, name!] as const),
  }),
);

test("every item of level 1 and 2 of ASVS 5.0.0 has one row, with its level", () => {
  const [one, two] = [level(1), level(2)];
  expect([one.length, two.length, new Set([...one, ...two]).size]).toEqual([70, 183, 253]);
  const covered = rows.flatMap((row) => row.items);
  expect(covered.filter((item, i) => covered.indexOf(item) !== i)).toEqual([]);
  expect(covered.toSorted()).toEqual([...one, ...two].sort());
  for (const { item, items, levels } of rows)
    expect([
      item,
      [one, two].flatMap((all, i) => (items.some((item) => all.includes(item)) ? [`${i + 1}`] : [])),
    ]).toEqual([item, levels]);
});

const STATES = new Set(["test", "held", "operator", "none", "not met"]);

test("every test that the ASVS table names is there, and what is said to be tested names one", () => {
  for (const { item, state, why, named } of rows) {
    expect([item, state, STATES.has(state)]).toEqual([item, state, true]);
    if (state === "test") expect([item, named.length > 0 || /as \d+\.\d+\.\d+/.test(why)]).toEqual([item, true]);
    for (const [file, name] of named) {
      const path = join(import.meta.dir, file);
      const text = existsSync(path) ? readFileSync(path, "utf8") : "";
      expect([item, file, name, text.includes(`"${name}"`)]).toEqual([item, file, name, true]);
    }
  }
});

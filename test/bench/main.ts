/**
 * `bun run bench [--quick] [case...]`: what LiquidChat costs beside the least that its runtime and its database can do. Each case
 * measures its sides in turn, with fresh processes, three times; the table has the medians, bench.json everything.
 */
import { cpus } from "node:os";
import { cleanUp, haveServices } from "../support/services.ts";
import { FULL, QUICK } from "./case.ts";
import { allCases } from "./cases.ts";
import { heading, line, type Results } from "./table.ts";

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const wanted = args.filter((arg) => !arg.startsWith("--"));
const scale = quick ? QUICK : FULL;
const cases = allCases(scale).filter(({ name }) => !wanted.length || wanted.includes(name));
if (!haveServices || !cases.length) {
  console.error(
    `Usage: bun run bench [--quick] [${allCases(scale)
      .map(({ name }) => name)
      .join("|")}]...`,
  );
  process.exit(1);
}

const machine = `${cpus()[0]?.model}, ${cpus().length} cores, Bun ${Bun.version}, medians of ${scale.runs}`;
console.log(`\n${machine}\n\n${heading}`);
const all: Record<string, Results> = {};
for (const { name, sides, rows } of cases) {
  const results: Results = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let run = 0; run < scale.runs; run++)
    for (const [side, measure] of Object.entries(sides)) results[side]!.push(await measure());
  for (const row of rows) console.log(line(row, results));
  all[name] = results;
  // After each, so that a run that was broken off is not lost.
  const report = { when: new Date().toISOString(), machine, quick, cases: all };
  await Bun.write("bench.json", JSON.stringify(report, null, 1));
}
cleanUp();
process.exit(0);

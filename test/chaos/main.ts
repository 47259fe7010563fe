/**
 * `bun run test:chaos [--long] [scenario...]`: the real server with real databases, hurt in every way that we know. The short form takes a
 * minute or two, the long one half an hour. Prints what was wrong, and then exits 1.
 */
import { cleanUp } from "../support/services.ts";
import type { Scenario } from "./scenario.ts";
import { attack } from "./attack.ts";
import { embedded } from "./embedded.ts";
import { moments } from "./moments.ts";
import { offline } from "./offline.ts";
import { rolling } from "./rolling.ts";
import { slow } from "./slow.ts";
import { storm } from "./storm.ts";

const SCENARIOS: Scenario[] = [storm, moments, rolling, slow, offline, embedded, attack];

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--"));
const long = args.includes("--long");
let failed = 0;
for (const { name, run } of SCENARIOS.filter(({ name }) => !names.length || names.includes(name))) {
  const startedAt = performance.now();
  const log = (line: string) => console.log(`  ${name}: ${line}`);
  const figure = (what: string, value: number, without?: number) =>
    log(`${what}: ${value}${without === undefined ? "" : ` (${without} without the fault)`}`);
  const wrong = await run({ long, log, figure }).catch((error: unknown) => [String((error as Error).stack)]);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`${wrong.length ? "FAILED" : "passed"} ${name} in ${seconds} s`);
  for (const what of wrong.slice(0, 20)) console.log(`  ${what}`);
  if (wrong.length > 20) console.log(`  and ${wrong.length - 20} more`);
  if (wrong.length) failed++;
}
cleanUp();
process.exit(failed ? 1 : 0);

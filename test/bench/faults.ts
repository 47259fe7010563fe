/** `bun run bench:faults`: what people notice of faults. The long forms of some chaos scenarios, as a table; a quarter of an hour. */
import { attack } from "../chaos/attack.ts";
import { offline } from "../chaos/offline.ts";
import { rolling } from "../chaos/rolling.ts";
import { slow } from "../chaos/slow.ts";
import { storm } from "../chaos/storm.ts";
import { cleanUp } from "../support/services.ts";

console.log("| | With the fault | Without |\n| --- | ---: | ---: |");
let failed = false;
for (const scenario of [slow, rolling, offline, storm, attack]) {
  const figure = (what: string, value: number, without?: number) =>
    console.log(`| ${what} | ${value.toLocaleString("en")} | ${without?.toLocaleString("en") ?? ""} |`);
  const wrong = await scenario.run({ long: true, log: () => {}, figure });
  for (const what of wrong) console.log(`${scenario.name} FAILED: ${what}`);
  failed ||= wrong.length > 0;
}
cleanUp();
process.exit(failed ? 1 : 0);

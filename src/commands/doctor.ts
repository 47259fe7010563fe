import { type Config, ConfigError, readConfig } from "../config.ts";
import { type Clock, systemClock } from "../ops/clock.ts";
import { createLog } from "../ops/log.ts";
import { CHECKS, type Finding } from "./checks.ts";
import { type Command, readArgs } from "./command.ts";

export const doctor: Command = {
  name: "doctor",
  help: `Tells what is wrong with the settings and with what they stand on, and how to mend it.
It changes nothing. 1 if anything is wrong. Run it as the user that the server runs as, with the same settings.`,
  async run(args) {
    readArgs(args, {});
    let isWell = true;
    for await (const { of, findings } of diagnose(() => readConfig(undefined, false), systemClock)) {
      if (!findings.length) console.log(`ok     ${of}`);
      for (const { wrong, says } of findings) console.log(`${wrong ? "WRONG " : "mind  "} ${says}`);
      if (findings.some(({ wrong }) => wrong)) isWell = false;
    }
    return isWell ? 0 : 1;
  },
};

export async function* diagnose(read: () => Config, clock: Clock): AsyncGenerator<{ of: string; findings: Finding[] }> {
  let config: Config;
  try {
    config = read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    yield { of: "settings", findings: [{ wrong: true, says: error.message }] };
    return; // All else depends on them.
  }
  yield { of: "settings", findings: [] };
  const log = createLog(false);
  for (const { of, look } of CHECKS) {
    const findings = await look(config, clock, log);
    if (findings) yield { of, findings };
  }
}

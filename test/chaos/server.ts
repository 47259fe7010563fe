/** The real server, which ends by SIGKILL at the n-th time that a moment of a send comes: `KILL_AT=committed:3`. */
import { startApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import type { Faults } from "../../src/deps.ts";
import { createLog } from "../../src/ops/log.ts";
import { beginTuned } from "../../src/ops/runtime.ts";

beginTuned([]);

const [moment, nth] = (process.env.KILL_AT ?? "").split(":");
let left = Number(nth);
const die = () => process.kill(process.pid, "SIGKILL");
const at: Faults = (now) => {
  if (now !== moment || --left !== 0) return;
  // The statement has just been handed to the driver: a little later it is under way inside the database.
  if (now === "storing") setTimeout(die, Math.random());
  else die();
};

const config = readConfig();
const app = await startApp({ config, log: createLog(config.debug), at });
console.log(`LiquidChat is ready on http://localhost:${app.port}`);
process.on("SIGTERM", () => void app.stop().then(() => process.exit(0)));

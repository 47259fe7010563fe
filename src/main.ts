import { startApp } from "./app.ts";
import { ConfigError, readConfig } from "./config.ts";
import { createLog } from "./ops/log.ts";
import { supervise } from "./ops/supervisor.ts";

const [command = "serve", ...rest] = process.argv.slice(2);
if (rest.length || !["serve", "worker"].includes(command)) fail("Usage: liquidchat [serve]");

try {
  const config = readConfig();
  const log = createLog(config.debug);
  if (command === "serve" && config.workers > 1) {
    console.log(`LiquidChat starts ${config.workers} workers on port ${config.port}.`);
    process.exit(await supervise(config.workers, log));
  }
  const app = await startApp({ config, log });
  console.log(`LiquidChat is ready on http://localhost:${app.port}`);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, async () => {
      await app.stop().catch((error) => log.error({ err: error }, "the stop was not clean"));
      process.exit(0);
    });
  }
} catch (error) {
  if (error instanceof ConfigError) fail(error.message);
  fail(`LiquidChat could not start. ${error instanceof Error ? error.message : error}`);
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

import { startApp } from "./app.ts";
import { ConfigError, readConfig } from "./config.ts";
import { createLog, endOnDefect } from "./ops/log.ts";
import { supervise } from "./ops/supervisor.ts";

const [command = "serve", ...rest] = process.argv.slice(2);
if (rest.length || !["serve", "worker"].includes(command)) fail("Usage: liquidchat [serve]");

try {
  const config = readConfig();
  const log = createLog(config.debug);
  endOnDefect(log);
  const { workers, host, port } = config;
  if (command === "serve" && workers > 1) {
    console.log(`LiquidChat starts ${workers} workers on port ${port}.`);
    process.exit(await supervise({ count: workers, host, port, log }));
  }
  const app = await startApp({ config, log });
  console.log(`LiquidChat is ready on http://localhost:${app.port}`);
  const stop = async () => {
    await app.stop().catch((error) => log.error({ err: error }, "the stop was not clean"));
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // A worker does not outlive its supervisor.
  if (command === "worker") process.on("disconnect", stop);
} catch (error) {
  if (error instanceof ConfigError) fail(error.message);
  fail(`LiquidChat could not start. ${reasons(error).join(": ")}`);
}

/** For the operator, at a start, when no user has said anything yet: the whole story. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  return [error.message, ...(error.cause === undefined ? [] : reasons(error.cause))];
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { startApp } from "../app.ts";
import { readConfig } from "../config.ts";
import { createLog, endOnDefect } from "../ops/log.ts";
import { supervise } from "../ops/supervisor.ts";
import { type Command, type OnStop, readArgs } from "./command.ts";

export const serve: Command = {
  name: "serve",
  help: `Serves the chat, until it is told to stop (SIGTERM, Ctrl-C). What runs when no command is named.
The tables are made and brought up to date at the start. With WORKERS above 1 it runs that many processes.`,
  async run(args, onStop) {
    readArgs(args, {});
    const config = readConfig();
    const { workers: count, host, port, debug } = config;
    if (count === 1) return serveAlone(config, onStop);
    const log = createLog(debug);
    endOnDefect(log);
    console.log(`LiquidChat starts ${count} workers on port ${port}.`);
    return supervise({ count, host, port, log, onStop });
  },
};

/** One of several, started by `serve`; no command for people. */
export const worker: Command = {
  ...serve,
  name: "worker",
  run: (_, onStop) =>
    serveAlone(readConfig(), (stop) => {
      onStop(stop);
      // A worker does not outlive its supervisor.
      process.on("disconnect", stop);
    }),
};

async function serveAlone(config: ReturnType<typeof readConfig>, onStop: OnStop): Promise<number> {
  const log = createLog(config.debug);
  endOnDefect(log);
  // Started in the wrong folder it begins an empty chat, and nobody would know why.
  const isNew = !existsSync(join(config.dataDir, "pg"));
  const where = config.databaseUrl ? "" : `, ${isNew ? "with a new database" : "data"} in ${resolve(config.dataDir)}`;
  const stopped = new Promise<void>(onStop);
  // Told to stop while it still waits for its database, say, it just goes: nobody is served yet, and a first process has no default to end by.
  const app = await Promise.race([startApp({ config, log }), stopped]);
  if (!app) return 0;
  console.log(`LiquidChat is ready on http://localhost:${app.port}${where}`);
  await stopped;
  await app.stop().catch((error) => log.error({ err: error }, "the stop was not clean"));
  return 0;
}

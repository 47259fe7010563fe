import { beginTuned } from "./ops/runtime.ts";

const args = process.argv.slice(2);
if ((args[0] ?? "serve") === "serve") beginTuned(args);
// Only now: what it takes to serve is loaded once.
const { runCommand } = await import("./commands/table.ts");

const onStop = (stop: () => void) => {
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop());
};
process.exit(await runCommand(args, onStop));

import { runCommand } from "./commands/table.ts";

const onStop = (stop: () => void) => {
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop());
};
process.exit(await runCommand(process.argv.slice(2), onStop));

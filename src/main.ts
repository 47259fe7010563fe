import { runCommand } from "./commands/table.ts";

const onStop = (stop: () => void) => {
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
};
process.exit(await runCommand(process.argv.slice(2), onStop));

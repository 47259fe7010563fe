import { type Command, type OnStop, printable, reasons, UsageError } from "./command.ts";
import { backup } from "./backup.ts";
import { createAdmin } from "./create-admin.ts";
import { doctor } from "./doctor.ts";
import { printAsyncapi, printOpenapi } from "./documents.ts";
import { health } from "./health.ts";
import { importDjango } from "./import-django.ts";
import { migrate } from "./migrate.ts";
import { resetPassword } from "./reset-password.ts";
import { restore } from "./restore.ts";
import { serve, worker } from "./serve.ts";
import { version } from "../../package.json";

/** All that the program can be asked for. A new command is a file and a line here. */
const COMMANDS: Command[] = [
  serve,
  health,
  doctor,
  migrate,
  createAdmin,
  resetPassword,
  backup,
  restore,
  importDjango,
  printOpenapi,
  printAsyncapi,
];

/** Runs the command that the arguments name; without one, `serve`. The exit code: 0 done, 1 failed, 2 these arguments make no sense. */
export async function runCommand([name = serve.name, ...args]: string[], onStop: OnStop): Promise<number> {
  if (["--help", "-h", "help"].includes(name)) {
    console.log(overview());
    return 0;
  }
  if (["--version", "-v", "version"].includes(name)) {
    console.log(`liquidchat ${version}`);
    return 0;
  }
  const command = [...COMMANDS, worker].find((one) => one.name === name);
  if (!command) {
    console.error(`There is no command "${name}".\n\n${overview()}`);
    return 2;
  }
  if (args.includes("--help") || args.includes("-h")) {
    console.log(`${usageOf(command)}\n\n${command.help}`);
    return 0;
  }
  try {
    return await command.run(args, onStop);
  } catch (error) {
    console.error(printable(reasons(error).join(": ")));
    if (error instanceof UsageError) console.error(usageOf(command));
    return error instanceof UsageError ? 2 : 1;
  }
}

const usageOf = ({ name, usage = "" }: Command) => `Usage: liquidchat ${name} ${usage}`.trimEnd();

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, help }) => `  ${name.padEnd(width)}  ${help.split("\n")[0]}`);
  return [
    "Usage: liquidchat [command]",
    "",
    ...lines,
    "",
    "liquidchat <command> --help tells more, liquidchat --version which one this is. Settings come from the environment, or from a file .env here.",
  ].join("\n");
}

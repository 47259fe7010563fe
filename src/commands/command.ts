import { parseArgs, type ParseArgsConfig } from "node:util";

/** A command of the program; `commands/table.ts` lists them all. */
export type Command = {
  name: string;
  /** What stands behind its name: `NAME [--flag]`. */
  usage?: string;
  /** One line for the list of commands, and what else is to be known. */
  help: string;
  /** Does it; the exit code: 0, or 1 for what failed. What it throws is told on standard error, and is 1; `UsageError` is 2. */
  run(args: string[], onStop: OnStop): Promise<number>;
};

/** Who runs until they are told to stop registers here for SIGTERM and Ctrl-C; the others just end by them. */
export type OnStop = (stop: () => void) => void;

/** The arguments make no sense; the message says which. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Flags, and the values of what must stand without one (`names`, all of them). */
export function readArgs<const T extends Options>(args: string[], options: T, names: string[] = []) {
  const { values, positionals } = parse(args, options);
  const missing = names[positionals.length];
  if (missing) throw new UsageError(`${missing} is missing.`);
  if (positionals.length > names.length) throw new UsageError(`"${positionals[names.length]}" is one too many.`);
  return { values, names: positionals };
}

function parse<const T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    const { message } = error as Error;
    const [, option] = /^Unknown option '(.+?)'/.exec(message) ?? [];
    throw new UsageError(option ? `There is no option ${option}.` : `${message}.`);
  }
}

/** For the operator: the whole story. */
export function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  return [error.message, ...(error.cause === undefined ? [] : reasons(error.cause))];
}

/** For a terminal: what comes out of a file or another database may hold what moves its cursor, or worse. */
export const printable = (text: string): string =>
  text.replace(/[^\P{C}\n\t]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);

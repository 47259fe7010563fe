import pino from "pino";

/** Structured logs on standard error. What a user wrote, a token, an e-mail or a hash never goes in. */
export type Log = pino.Logger;

export function createLog(debug: boolean): Log {
  // The disk that it goes to may be full: that undoes nothing of what is told, ends no process, and fills no memory.
  const out = pino.destination({ fd: 2, sync: true, maxLength: 1_000_000 });
  const write = (line: string) => {
    try {
      out.write(line);
    } catch {}
  };
  return pino(
    {
      level: debug ? "debug" : "info",
      base: { pid: process.pid },
      serializers: { err: safeError, path: withoutTokens, door: withoutTokens },
    },
    { write },
  );
}

/** A token has no business in a path or in a message of an error, but its client may have put it there. */
const withoutTokens = (text: string): string => text.replace(/eyJ[\w-]*(\.[\w-]*)*/g, "<token>");

type SafeError = { type?: string; code?: string; message: string; stack?: string[]; cause?: SafeError };

/**
 * What an error may tell. The rest can hold what users sent: PostgreSQL quotes values and whole rows, the query builder lists its
 * parameters, Redis the arguments of a command that it does not know, a URL has a token in it.
 */
export function safeError(error: unknown): SafeError {
  if (!(error instanceof Error)) return { message: safeText(String(error)) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === "string" && { code }),
    message: safeText(error.message),
    stack: error.stack?.split("\n").filter((line) => /^\s+at /.test(line)),
    ...(error.cause !== undefined && { cause: safeError(error.cause) }),
  };
}

/** From the first quotation mark to the last: what stands between may hold some itself, and nobody escapes them. */
function safeText(message: string): string {
  return withoutTokens(message.split("\nparams:")[0]!.replace(/(["'`])[^]*\1|\$argon2\S*/g, '"..."'));
}

/** A defect that nobody caught ends the process. The runtime would print the error with all that is in it. */
export function endOnDefect(log: Log): void {
  const end = (error: unknown) => {
    log.fatal({ err: error }, "a defect ended this process");
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

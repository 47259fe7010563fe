import pino from "pino";

/** Structured logs on standard error. What a user wrote, a token, an e-mail or a hash never goes in. */
export type Log = pino.Logger;

export function createLog(debug: boolean): Log {
  return pino({ level: debug ? "debug" : "info", base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
}

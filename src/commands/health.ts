import { readConfig, withoutProxy } from "../config.ts";
import { localUrl } from "./checks.ts";
import { type Command, readArgs } from "./command.ts";

/** A server that takes longer is not well. */
const PATIENCE_MS = 5_000;

export const health: Command = {
  name: "health",
  help: `Asks the server on this machine whether it can serve; 0 if it can.
For the health check of a container, which needs no other program for it. HOST and PORT say where the server listens.`,
  async run(args) {
    readArgs(args, {});
    const { host, port } = readConfig(undefined, false);
    if (!port) throw new Error("PORT: is 0, so where the server listens is not known.");
    const url = localUrl(host, port);
    withoutProxy();
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch((cause) => {
      throw new Error(`nothing answers at ${url}`, { cause });
    });
    console.log(await answer.text());
    return answer.ok ? 0 : 1;
  },
};

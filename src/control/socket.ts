import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../ops/log.ts";

/** Where the server that holds an embedded database listens for commands. */
export const controlSocket = (dataDir: string) => join(dataDir, "control.sock");

/**
 * HTTP over a socket file that only its owner may write to, and so speak to. It is made in a folder that nobody else can enter, and then put
 * into its place: there is no moment in which it is open to all, and one that a killed server left is replaced. A server serves without it
 * where the file system has no such files, as some that are shared with a container.
 */
export async function listenControl(
  dataDir: string,
  fetch: (request: Request) => Response | Promise<Response>,
  log: Log,
): Promise<() => Promise<void>> {
  try {
    return await listen(dataDir, fetch);
  } catch (error) {
    log.warn({ err: error }, "commands will not reach this server: its DATA_DIR takes no control.sock");
    return async () => {};
  }
}

async function listen(dataDir: string, fetch: (request: Request) => Response | Promise<Response>) {
  const folder = join(dataDir, ".new");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  const made = join(folder, "s");
  // A command may take its time. That there is no timeout then is what the types of a unix socket do not know.
  const server = Bun.serve({ unix: made, fetch, idleTimeout: 0 } as unknown as { unix: string; fetch: typeof fetch });
  await chmod(made, 0o600);
  await rename(made, controlSocket(dataDir));
  await rm(folder, { recursive: true });
  return async () => {
    await rm(controlSocket(dataDir), { force: true });
    await server.stop();
  };
}

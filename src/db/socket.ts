import { EventEmitter } from "node:events";
import type { Socket } from "bun";

type Address = { hostname: string; port: number } | { unix: string };

/**
 * A TCP connection as postgres.js wants one, without the streams of `node:net`: those are a tenth of what a message costs. Resolves when it is
 * open. Events: `data`, `drain`, `error`, and `close` once, last of all.
 */
export function connectSocket(address: Address): Promise<DatabaseSocket> {
  return new Promise((resolve, reject) => {
    const made = new DatabaseSocket();
    const socket = {
      open: (raw: Socket) => {
        made.opened(raw);
        resolve(made);
      },
      data: (_: Socket, bytes: Buffer) => void made.emit("data", bytes),
      drain: () => made.drained(),
      error: (_: Socket, error: Error) => void made.emit("error", error),
      close: (_: Socket, error?: Error) => made.closed(error),
    };
    const connected = "unix" in address ? Bun.connect({ ...address, socket }) : Bun.connect({ ...address, socket });
    connected.catch((error: Error & { code?: string }) => {
      if (error.code && !error.message.includes(error.code)) error.message += `: ${error.code}`;
      reject(error);
    });
  });
}

class DatabaseSocket extends EventEmitter {
  readyState: "opening" | "open" | "closed" = "opening";
  #raw!: Socket;
  /** What the kernel has no room for yet. */
  #unsent: Uint8Array[] = [];
  #ending = false;

  opened(raw: Socket): void {
    this.#raw = raw;
    this.readyState = "open";
  }

  /** False where not all of it could leave at once; `drain` tells when it has. */
  write(bytes: Uint8Array): boolean {
    this.#unsent.push(bytes);
    return this.#unsent.length > 1 ? false : this.#flush();
  }

  #flush(): boolean {
    for (let bytes = this.#unsent[0]; bytes; bytes = this.#unsent[0]) {
      const written = Math.max(0, this.#raw.write(bytes));
      if (written < bytes.length) {
        this.#unsent[0] = bytes.subarray(written);
        return false;
      }
      this.#unsent.shift();
    }
    if (this.#ending) this.#raw.end();
    return true;
  }

  drained(): void {
    if (this.#unsent.length && this.#flush()) this.emit("drain");
  }

  end(bytes: Uint8Array): void {
    this.#ending = true;
    this.write(bytes);
  }

  destroy(): void {
    this.#raw.terminate();
  }

  closed(error?: Error): void {
    this.readyState = "closed";
    if (error) this.emit("error", error);
    this.emit("close", error !== undefined);
  }

  setKeepAlive(enable: boolean, initialDelayMs: number): void {
    this.#raw.setKeepAlive(enable, initialDelayMs);
  }
}

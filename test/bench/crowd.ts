/** The process of `load.ts`, and what it can be told. */
import { join } from "node:path";
import type { Endpoint } from "../../src/protocol/frames.ts";
import { atExit } from "../support/services.ts";
import type { Cells } from "./histogram.ts";

export type Orders = {
  /** Clients take the servers in turn. `resume`: those of the one socket resume before they count as open. */
  open: {
    urls: string[];
    endpoint: Endpoint;
    tokens: string[];
    atOnce: number;
    resume: boolean;
    keepPresence: boolean;
  };
  /** `rate`: messages a second, evenly spaced; 0: each sender keeps `inFlight` of them. `rooms`: of two clients each, in their order. */
  talk: { senders: number; rate: number; inFlight: number; rooms: string[] };
  look: object;
  hush: object;
  quiet: { ms: number };
};

export type Answers = {
  open: { up: number; failures: number; seconds: number };
  talk: void;
  look: { deliveries: number; echoes: number; latency: Cells };
  /** `orders`: in how many different orders the clients heard it all; private ones hear different things. */
  hush: { lost: number; orders: number; down: number };
  /** When the last thing came, since the opening, and of how many people each client does not know that they are here. */
  quiet: { seconds: number; untold: number[] };
};

export type Order = { [Name in keyof Orders]: { name: Name; order: Orders[Name] } }[keyof Orders];
export type Crowd = Awaited<ReturnType<typeof startCrowd>>;

export async function startCrowd() {
  const answers: ((answer: never) => void)[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "load.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (message) => (message === "ready" ? resolve() : answers.shift()!(message as never)),
  });
  atExit(() => child.kill("SIGKILL"));
  await ready;
  return {
    pid: child.pid,
    tell<Name extends keyof Orders>(name: Name, order: Orders[Name]): Promise<Answers[Name]> {
      child.send({ name, order });
      return Promise.race([
        new Promise<Answers[Name]>((answered) => answers.push(answered)),
        child.exited.then((code) => Promise.reject(new Error(`the client ended with ${code}`))),
      ]);
    },
    async stop(): Promise<void> {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

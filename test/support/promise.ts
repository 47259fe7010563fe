import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Rig } from "./server.ts";

/** The numbers in docs/protocol.md. */
export function promisedNumbers(): number[] {
  const text = readFileSync(join(import.meta.dir, "../../docs/protocol.md"), "utf8");
  return [...text.matchAll(/^(?:\| )?\*\*(\d+)\*\* /gm)].map((match) => Number(match[1]));
}

/** Registers the test of some numbered promises; it runs on every rig. */
type Promised = (numbers: number[], title: string, body: () => Promise<void>) => void;

export type PromiseSuite = (promised: Promised, rig: () => Rig) => void;

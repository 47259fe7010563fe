import { deserialize } from "bun:jsc";
import { join } from "node:path";

/** The file in a binary that has what was made of sources, which it has not; `build/binary.ts` puts it there. */
export const PREBUILT = "prebuilt.bin";

/** What was made by this process, by name. */
export const made = new Map<string, unknown>();
let inBinary: Promise<Map<string, unknown>> | undefined;

/** What `make` makes of sources: in a binary it was made when that was. */
export async function prebuilt<T>(name: string, make: () => Promise<T>): Promise<T> {
  if (!Bun.isStandaloneExecutable) {
    const value = await make();
    made.set(name, value);
    return value;
  }
  inBinary ??= Bun.file(join(import.meta.dir, PREBUILT))
    .arrayBuffer()
    .then(deserialize);
  return (await inBinary).get(name) as T;
}

import { deserialize } from "bun:jsc";
import { join } from "node:path";
import { buildPage, type Page, type PageName } from "./build.ts";

/** The file in a binary that has the pages; `build/binary.ts` puts it there. */
export const PREBUILT = "prebuilt.bin";

let prebuilt: Promise<Record<PageName, Page>> | undefined;

/** A page: made of its sources, or, in a binary, which has none, when that was made. */
export async function madePage(name: PageName): Promise<Page> {
  if (!Bun.isStandaloneExecutable) return buildPage(name);
  prebuilt ??= Bun.file(join(import.meta.dir, PREBUILT))
    .arrayBuffer()
    .then(deserialize);
  return (await prebuilt)[name];
}

/** `bun run db:template`: makes the cluster that a first start unpacks. Run it after every change of PGlite's version. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeTemplate } from "./embedded.ts";

const { version } = await Bun.file(
  join(import.meta.dir, "../../node_modules/@electric-sql/pglite/package.json"),
).json();
const dir = await mkdtemp(join(tmpdir(), "liquidchat-template-"));
await Bun.write(join(import.meta.dir, "template.tar.gz"), await makeTemplate(join(dir, "pg")));
await Bun.write(join(import.meta.dir, "template.json"), `${JSON.stringify({ pglite: version })}\n`);
await rm(dir, { recursive: true });
process.exit(0);

/** `bun run db:template`: makes the cluster that a first start unpacks. Run it after every change of PGlite's version. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../ops/clock.ts";
import { makeTemplate } from "./embedded.ts";

const dir = await mkdtemp(join(tmpdir(), "liquidchat-template-"));
await Bun.write(new URL("./template.tar.gz", import.meta.url).pathname, await makeTemplate(join(dir, "pg"), systemClock));
await rm(dir, { recursive: true });
process.exit(0);

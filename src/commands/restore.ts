import { openToFill } from "../backends.ts";
import { readConfig } from "../config.ts";
import { openArchive } from "../moving/archive.ts";
import { restore as restoreInto } from "../moving/restore.ts";
import { systemClock as clock } from "../ops/clock.ts";
import { createLog } from "../ops/log.ts";
import { type Command, readArgs } from "./command.ts";
import { progressBar } from "./progress.ts";

export const restore: Command = {
  name: "restore",
  usage: "FILE [--keep-sessions]",
  help: `Fills an empty database from a backup, of this version or an older one.
The database is the one that the settings name, embedded or PostgreSQL, whichever the backup was of; no server may run on it. It is filled in one
transaction, after the file has been checked: whatever happens, nothing is half done. Everybody has to log in again, for a session that was
ended after the backup would live again. --keep-sessions, for a move with the same SECRET_KEY, keeps sessions and one-time links.`,
  async run(args) {
    const { names, values } = readArgs(args, { "keep-sessions": { type: "boolean", default: false } }, ["FILE"]);
    // Before a folder is made for what does not come.
    await openArchive(names[0]!);
    const config = readConfig();
    const session = await openToFill(config, clock, createLog(config.debug));
    try {
      const bar = progressBar("restore");
      const { madeAt, counts } = await restoreInto(session, names[0]!, values["keep-sessions"], bar);
      const told = Object.entries(counts).map(([table, n]) => `${n} ${table}`);
      console.log(`Restored as of ${madeAt}: ${told.join(", ")}.`);
    } finally {
      await session.close();
    }
    return 0;
  },
};

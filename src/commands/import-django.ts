import { openToFill } from "../backends.ts";
import { readConfig } from "../config.ts";
import { openFirstVersion } from "../moving/first-version.ts";
import { importFirstVersion } from "../moving/import.ts";
import { systemClock as clock } from "../ops/clock.ts";
import { createLog } from "../ops/log.ts";
import { type Command, printable, readArgs } from "./command.ts";
import { progressBar } from "./progress.ts";

export const importDjango: Command = {
  name: "import-django",
  usage: "SOURCE [--dry-run]",
  help: `Takes over the people, conversations and messages of the first LiquidChat, into an empty database.
SOURCE is the URL of its PostgreSQL or the file of its SQLite; it is only read. Its password is better
given by PGPASSWORD than in the URL, which whoever lists processes sees. The other database is the one that the settings name; no
server may run on it. Ids, times, passwords and read marks are kept. What had to be changed or left out is printed, one line each.
--dry-run does and prints all of it, and leaves nothing.`,
  async run(args) {
    const { names, values } = readArgs(args, { "dry-run": { type: "boolean", default: false } }, ["SOURCE"]);
    const config = readConfig();
    const source = await openFirstVersion(names[0]!, clock);
    try {
      const session = await openToFill(config, clock, createLog(config.debug));
      try {
        const [now, dryRun] = [new Date(clock.now()), values["dry-run"]];
        const { notes, ...counts } = await importFirstVersion(session, source, { now, dryRun, progress: progressBar("import") }); // prettier-ignore
        for (const note of notes) console.log(printable(note));
        const { users, conversations, privateMessages, globalMessages } = counts;
        const what = `${users} users, ${conversations} conversations with ${privateMessages} messages, ${globalMessages} messages of the public room`;
        console.log(dryRun ? `Would import ${what}.` : `Imported ${what}.`);
      } finally {
        await session.close();
      }
    } finally {
      await source.close();
    }
    return 0;
  },
};

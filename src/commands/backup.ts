import { resolve } from "node:path";
import { readConfig } from "../config.ts";
import { reach } from "../control/reach.ts";
import { saveArchive } from "../moving/archive.ts";
import { type Command, readArgs } from "./command.ts";
import { progressBar } from "./progress.ts";

export const backup: Command = {
  name: "backup",
  usage: "FILE",
  help: `Writes everything in the database into one file, while the server goes on.
Accounts, sessions, rooms and messages as they are at one moment; everything that was acknowledged before it is in it. FILE is replaced
when the new one is whole and on the disk; its owner alone can read it. It holds password hashes and all messages, unencrypted, and not
the SECRET_KEY. The embedded database needs as much room again in DATA_DIR meanwhile.`,
  async run(args) {
    const { names } = readArgs(args, {}, ["FILE"]);
    const file = resolve(names[0]!);
    await using control = await reach(readConfig(undefined, false));
    const { body } = await control.call("/backup");
    const { rows, sha256 } = await saveArchive(file, body!, progressBar("backup"));
    console.log(`${file} has ${rows} rows. SHA-256 of its text: ${sha256}`);
    return 0;
  },
};

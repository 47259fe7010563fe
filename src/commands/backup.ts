import { resolve } from "node:path";
import { readConfig } from "../config.ts";
import { reach } from "../control/reach.ts";
import { pipeArchive, placeOf, saveArchive } from "../moving/archive.ts";
import { type Command, readArgs } from "./command.ts";
import { progressBar } from "./progress.ts";

export const backup: Command = {
  name: "backup",
  usage: "FILE",
  help: `Writes everything in the database into one file, while the server goes on.
Accounts, sessions, rooms and messages as they are at one moment; everything that was acknowledged before it is in it. FILE is replaced
when the new one is whole and on the disk; its owner alone can read it. It holds password hashes and all messages, unencrypted, and not
the SECRET_KEY. FILE can be -, for standard output: whether all of it came is then for the exit code to tell. The embedded database needs
as much room again in DATA_DIR meanwhile.`,
  async run(args) {
    const { names } = readArgs(args, {}, ["FILE"]);
    const isPiped = names[0] === "-";
    if (isPiped && process.stdout.isTTY) throw new Error("Standard output is a terminal, and a backup is no text.");
    const file = isPiped ? "Standard output" : await placeOf(resolve(names[0]!));
    await using control = await reach(readConfig(undefined, false));
    const { body } = await control.call("/backup");
    const bar = progressBar("backup");
    const { rows, sha256 } = await (isPiped ? pipeArchive(process.stdout, body!, bar) : saveArchive(file, body!, bar));
    const told = `${file} has ${rows} rows. SHA-256 of its text: ${sha256}`;
    if (isPiped) console.error(told);
    else console.log(told);
    return 0;
  },
};

import { readConfig } from "../config.ts";
import { reach } from "../control/reach.ts";
import { type Command, readArgs } from "./command.ts";

export const migrate: Command = {
  name: "migrate",
  help: `Brings the database to the tables of this version, as every start does.
For whoever wants it done before the new servers start. Servers of the version before go on working meanwhile.`,
  async run(args) {
    readArgs(args, {});
    // Whoever opens a database migrates it.
    await using control = await reach(readConfig(), true);
    const { migrations } = await control.ask<{ migrations: number }>("/migrations");
    console.log(`The database is up to date: ${migrations} migrations.`);
    return 0;
  },
};

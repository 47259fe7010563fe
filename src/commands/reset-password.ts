import { readConfig } from "../config.ts";
import { reach } from "../control/reach.ts";
import { type Command, readArgs } from "./command.ts";
import { linkLines } from "./link.ts";

export const resetPassword: Command = {
  name: "reset-password",
  usage: "NAME",
  help: `Prints a link by which the owner of the account NAME sets a new password.
It is good for an hour and once; a newer one makes it void. Using it ends all sessions of the account.`,
  async run(args) {
    const { names } = readArgs(args, {}, ["NAME"]);
    const config = readConfig(undefined, false);
    await using control = await reach(config);
    const { token } = await control.ask<{ token: string }>("/resets", { name: names[0] });
    console.log(linkLines(token, config.publicUrl));
    return 0;
  },
};

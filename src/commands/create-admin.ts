import { readConfig } from "../config.ts";
import { reach } from "../control/reach.ts";
import { type Command, readArgs } from "./command.ts";
import { linkLines } from "./link.ts";
import { readPassword } from "./password.ts";

export const createAdmin: Command = {
  name: "create-admin",
  usage: "NAME [--link]",
  help: `Makes an admin of the account NAME; where there is none, makes the account.
A new one's password is asked for, or read from standard input where that is no terminal. With --link nobody needs to
know it: a link is printed by which its owner sets one, within an hour.`,
  async run(args) {
    const { values, names } = readArgs(args, { link: { type: "boolean" } }, ["NAME"]);
    const [name] = names;
    const config = readConfig();
    await using control = await reach(config, true);
    if ((await control.ask<{ found: boolean }>("/promote", { name })).found) {
      console.log(`${name} is an admin. The account was there before; its password is what it was.`);
      return 0;
    }
    const password = values.link ? null : await readPassword();
    const { token } = await control.ask<{ token: string | null }>("/admins", { name, password });
    console.log(`${name} is an admin, with a new account.`);
    if (token) console.log(linkLines(token, config.publicUrl));
    return 0;
  },
};

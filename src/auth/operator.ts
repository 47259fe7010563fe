import { createHash, randomBytes } from "node:crypto";
import { weakness } from "./guessable.ts";
import { fold, readName, withinReason } from "./names.ts";
import type { Passwords } from "./passwords.ts";
import type { Account, AuthStore } from "./store.ts";

/** For a one-time link; nobody can guess it. */
export const newResetToken = () => randomBytes(32).toString("base64url");
/** What a token is kept and looked up by. */
export const resetHash = (token: string) => createHash("sha256").update(token).digest("hex");

/**
 * What may be done to accounts by whoever runs the server. All of it is in the audit log, as the operator's. What cannot be done throws a
 * sentence.
 */
export function createOperator({ store, passwords }: { store: AuthStore; passwords: Passwords }) {
  const find = (typed: string): Promise<Account | undefined> => store.accountByName(fold(withinReason(typed.trim())));

  /** The token of a one-time link by which a password is set anew. */
  async function linkFor(id: string): Promise<string> {
    const token = newResetToken();
    if (!(await store.makeReset(id, resetHash(token), null))) throw new Error("the account is not active");
    return token;
  }

  return {
    /** Makes an admin of an account; false where there is none of that name. */
    async promote(name: string): Promise<boolean> {
      const account = await find(name);
      if (account) await store.promote(account.id, null);
      return account !== undefined;
    },

    /** A new account, an admin's. Without a password there is a link to set one. Names that are kept for the house are the operator's to use. */
    async createAdmin(typed: string, password: string | null): Promise<{ token: string | null }> {
      const name = readName(typed);
      if (typeof name === "string") throw new Error(name);
      const weak = password === null ? null : await weakness(password, name.username);
      if (weak) throw new Error(weak);
      const id = Bun.randomUUIDv7();
      const hash = password === null ? "" : await passwords.hash(password);
      if (!(await store.addAdmin({ ...name, id, password: hash }, null)))
        throw new Error("the name is taken, was somebody's, or looks like one that is");
      return { token: password === null ? await linkFor(id) : null };
    },

    async resetPassword(name: string): Promise<{ token: string }> {
      const account = await find(name);
      if (!account) throw new Error(`there is no active account "${name}"`);
      return { token: await linkFor(account.id) };
    },
  };
}

import { invalid } from "../errors.ts";
import type { AddressLimits } from "./limits.ts";
import type { Account } from "./store.ts";

/**
 * Does what asks for the password once more; `act` gives null where it was wrong. Whoever found an open session has not got it, and must not
 * find it out here: it counts as at a log-in.
 */
export async function withPassword<T>(
  limits: AddressLimits,
  address: string,
  { folded }: Account,
  act: () => Promise<T | null>,
): Promise<T> {
  const done = await limits.guess(address, folded, act);
  // No 401: the token is good, and a client would refresh it.
  if (done === null) throw invalid("password", "This is not your password.");
  return done;
}

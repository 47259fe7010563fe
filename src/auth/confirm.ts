import { invalid } from "../errors.ts";
import type { AddressLimits } from "./limits.ts";
import type { Identity } from "../deps.ts";

/**
 * Does what asks for the password once more; `act` gives null where it was wrong. Whoever found an open session has not got it, and must not
 * find it out here.
 */
export async function withPassword<T>(
  limits: AddressLimits,
  address: string,
  identity: Identity,
  act: () => Promise<T | null>,
): Promise<T> {
  const done = await limits.confirm(address, identity, act);
  // No 401: the token is good, and a client would refresh it.
  if (done === null) throw invalid("password", "This is not your password.");
  return done;
}

import { availableParallelism } from "node:os";
import { unavailable } from "../errors.ts";
import { createTurns } from "../ops/turns.ts";

export type Passwords = ReturnType<typeof createPasswords>;

const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** How each of today's hashes begins. */
const TODAYS = `$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},p=1$`;

/** Beyond these the server says 503 rather than keep anyone waiting for a minute. */
const MAX_WAITING = 50;

/** Argon2id off the main thread, on all cores but one, so that a rush of log-ins does not stall the chat. */
export function createPasswords(parallel = Math.max(1, availableParallelism() - 1)) {
  const turns = createTurns(parallel, MAX_WAITING, unavailable);
  const inTurn = <T>(work: () => Promise<T>) => turns("", work);
  // Verified for names that nobody has, so that they take as long as the others.
  const nobody = Bun.password.hash(crypto.randomUUID(), ARGON2ID);

  return {
    waiting: turns.waiting,
    hash: (password: string) => inTurn(() => Bun.password.hash(password, ARGON2ID)),
    /** Whether a hash was made with other parameters than are used today. */
    isOutdated: (hash: string) => !hash.startsWith(TODAYS),
    /** False where there is no hash, after the same work. */
    verify: (password: string, hash: string | undefined) =>
      inTurn(async () => (await Bun.password.verify(password || "-", hash || (await nobody))) && !!hash),
  };
}

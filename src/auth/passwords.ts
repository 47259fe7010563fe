import { availableParallelism } from "node:os";
import { unavailable } from "../errors.ts";
import { createTurns } from "../ops/turns.ts";
import { idle, isOfFirstVersion, readFirstVersion } from "./first-version.ts";

export type Passwords = ReturnType<typeof createPasswords>;

const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** How each of today's hashes begins. */
const TODAYS = `$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},p=1$`;

/** Before one of today's hashes: of a password of the first version whose owner types spaces around it, which that one took away. */
const TRIMMED = "trimmed";

/** Beyond these the server says 503 rather than keep anyone waiting for a minute. */
const MAX_WAITING = 50;

/**
 * Argon2id off the main thread, on all cores but one, so that a rush of log-ins does not stall the chat. `imported`: the most iterations
 * that a hash of the first version has, 0 where there is none. While there are some, a wrong password costs the work of both kinds, so that
 * the time of the answer does not tell which kind it was, or whether there is such an account.
 */
export function createPasswords(parallel = Math.max(1, availableParallelism() - 1), imported = 0) {
  const turns = createTurns(parallel, MAX_WAITING, unavailable);
  const inTurn = <T>(work: () => Promise<T>) => turns("", work);
  // Verified for names that nobody has, so that they take as long as the others.
  const nobody = Bun.password.hash(crypto.randomUUID(), ARGON2ID);
  const argon2 = (password: string) => Bun.password.hash(password, ARGON2ID);

  async function verify(password: string, hash = ""): Promise<boolean> {
    const old = readFirstVersion(hash);
    if (old && (await isOfFirstVersion(password, old))) return true;
    const trimmed = hash.startsWith(TRIMMED);
    const known = old ? "" : trimmed ? hash.slice(TRIMMED.length) : hash;
    const typed = trimmed ? password.trim() : password;
    if ((await Bun.password.verify(typed || "-", known || (await nobody))) && known) return true;
    await idle(password, imported - (old?.iterations ?? 0));
    return false;
  }

  return {
    waiting: turns.waiting,
    hash: (password: string) => inTurn(() => argon2(password)),
    /** Whether a hash was made otherwise than today. */
    isOutdated: (hash: string) => !hash.startsWith(TODAYS) && !hash.startsWith(TRIMMED + TODAYS),
    /** Today's hash of a password that was verified by an outdated one. */
    renew: (password: string, hash: string) =>
      inTurn(async () => {
        const [old, trimmed] = [readFirstVersion(hash), password.trim()];
        const spaced =
          hash.startsWith(TRIMMED) || (old && trimmed !== password && (await isOfFirstVersion(trimmed, old)));
        return spaced ? TRIMMED + (await argon2(trimmed)) : argon2(password);
      }),
    /** False where there is no hash, after the same work. */
    verify: (password: string, hash: string | undefined) => inTurn(() => verify(password, hash)),
  };
}

import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";

/** Off the main thread. */
const derive = promisify(pbkdf2);

/** How hashes of the first version begin, as Django made them: `pbkdf2_sha256$iterations$salt$base64`. */
export const FIRST_VERSION = "pbkdf2_sha256$";

/** Ten times what Django does today: what asks for more would occupy a core for minutes. */
const MAX_ITERATIONS = 10_000_000;

type Hash = { iterations: number; salt: string; bytes: Buffer };

/** Null for any other kind of hash, and for what is none. */
export function readFirstVersion(hash: string): Hash | null {
  const [, iterations, salt, base64] = /^pbkdf2_sha256\$(\d{1,8})\$([^$]+)\$([A-Za-z0-9+/]{43}=)$/.exec(hash) ?? [];
  const n = Number(iterations);
  return base64 && n >= 1 && n <= MAX_ITERATIONS
    ? { iterations: n, salt: salt!, bytes: Buffer.from(base64, "base64") }
    : null;
}

/** As typed, or without the spaces around it: the first version took them away at sign-up. */
export async function isOfFirstVersion(password: string, { iterations, salt, bytes }: Hash): Promise<boolean> {
  let right = false;
  for (const typed of new Set([password, password.trim()]))
    right = crypto.timingSafeEqual(await derive(typed, salt, iterations, 32, "sha256"), bytes) || right;
  return right;
}

/** The work of so many iterations, for nothing. */
export async function idle(password: string, iterations: number): Promise<void> {
  if (iterations > 0) await isOfFirstVersion(password, { iterations, salt: "nobody", bytes: Buffer.alloc(32) });
}

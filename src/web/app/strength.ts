import type { Words } from "./words/en.ts";

/** How hard a password looks to guess, while it is typed. The server judges: it knows the common ones. */
export type Strength = { score: 0 | 1 | 2 | 3; verdict: keyof Words["strength"]; missing: number };

export function strengthOf(password: string, username: string): Strength {
  const chars = [...password];
  const missing = Math.max(0, 8 - chars.length);
  const as = (score: Strength["score"], verdict: Strength["verdict"]): Strength => ({ score, verdict, missing });
  if (!chars.length) return as(0, "none");
  if (missing) return as(0, "short");
  if (username && password.toLowerCase().includes(username.toLowerCase())) return as(0, "name");
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  const different = new Set(chars).size;
  const points = chars.length + 2 * kinds - (different < 6 ? 8 : 0);
  return points < 13 ? as(1, "easy") : points < 20 ? as(2, "good") : as(3, "strong");
}

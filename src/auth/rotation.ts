/** Refresh rotation with reuse detection (RFC 9700, 4.14.2), as a pure decision. */

export type Family = {
  jti: string;
  /** Tokens that were used up, and when (ms). */
  spent: { jti: string; at: number }[];
  endedAt: Date | null;
  expiresAt: Date;
};

export type Verdict =
  /** The newest token: it is used up now, and a new one takes its place. */
  | { kind: "rotate"; spent: Family["spent"] }
  /** Used moments ago: the answer was lost, or ten tabs asked at once. The newest one again. */
  | { kind: "repeat" }
  /** Used long ago: somebody has a copy. The whole family ends. */
  | { kind: "reuse" }
  /** Rotated too often within one grace to keep count of: later. */
  | { kind: "slow down" }
  | { kind: "refuse" };

/** More than anyone honest uses up within one grace. */
const MAX_SPENT = 20;

export function judge(family: Family, jti: string, now: number, graceMs: number): Verdict {
  if (family.endedAt || family.expiresAt.getTime() <= now) return { kind: "refuse" };
  const recent = family.spent.filter((token) => now - token.at <= graceMs);
  if (jti === family.jti)
    return recent.length < MAX_SPENT ? { kind: "rotate", spent: [...recent, { jti, at: now }] } : { kind: "slow down" };
  return recent.some((token) => token.jti === jti) ? { kind: "repeat" } : { kind: "reuse" };
}

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Family, judge } from "../../src/auth/rotation.ts";

const GRACE = 10_000;
const family = (more: Partial<Family> = {}): Family => ({
  jti: "a",
  spent: [],
  endedAt: null,
  expiresAt: new Date(1e9),
  ...more,
});

test("the newest token rotates, a spent one repeats within the grace and ends the family after it", () => {
  expect(judge(family(), "a", 1000, GRACE)).toEqual({ kind: "rotate", spent: [{ jti: "a", at: 1000 }] });
  const rotated = family({ jti: "b", spent: [{ jti: "a", at: 1000 }] });
  expect(judge(rotated, "a", 11_000, GRACE).kind).toBe("repeat");
  expect(judge(rotated, "a", 11_001, GRACE).kind).toBe("reuse");
  expect(judge(rotated, "stranger", 1001, GRACE).kind).toBe("reuse");
});

test("more rotations within one grace than it can remember are put off, never taken for a theft", () => {
  const spent = Array.from({ length: 20 }, (_, i) => ({ jti: `s${i}`, at: 1000 + i }));
  expect(judge(family({ spent }), "a", 2000, GRACE).kind).toBe("slow down");
  expect(judge(family({ spent }), "s0", 2000, GRACE).kind).toBe("repeat");
  expect(judge(family({ spent }), "a", 11_001, GRACE).kind).toBe("rotate");
});

test("an ended or expired family refuses everyone", () => {
  expect(judge(family({ endedAt: new Date(1) }), "a", 1000, GRACE).kind).toBe("refuse");
  expect(judge(family({ expiresAt: new Date(1000) }), "a", 1000, GRACE).kind).toBe("refuse");
});

test("whatever the schedule, a token that was spent longer ago than the grace never works again", () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 15_000 }), back: fc.nat(4) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let state = family({ jti: "0" });
      let now = 0;
      const spentAt = new Map<string, number>();
      for (const { wait, back } of steps) {
        now += wait;
        const jti = String(Math.max(0, Number(state.jti) - back));
        const verdict = judge(state, jti, now, GRACE);
        const spent = spentAt.get(jti);
        expect(verdict.kind).toBe(spent === undefined ? "rotate" : now - spent <= GRACE ? "repeat" : "reuse");
        if (verdict.kind === "reuse") return;
        if (verdict.kind === "rotate") {
          spentAt.set(jti, now);
          state = family({ jti: String(Number(jti) + 1), spent: verdict.spent });
        }
      }
    }),
  );
});

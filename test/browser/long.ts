/** A public room of a hundred thousand messages. */
import type { Page } from "playwright-core";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";

export const COUNT = 100_000;

/**
 * SQL that puts messages straight into the public room, by whoever has an account: texts of one to forty lines, the last sixty
 * of them after yesterday's midnight: such a first line has a height of no whole number of pixels.
 */
export const fill = (from: number, to: number) => `
  WITH filled AS (
    INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
    SELECT '${GLOBAL_ROOM}', n, gen_random_uuid(), (SELECT id FROM users LIMIT 1),
           'line ' || n || '.' || repeat(' and so on', CASE WHEN n % 97 = 0 THEN 190 WHEN n % 7 = 0 THEN n % 40 ELSE 0 END),
           date_trunc('day', now()) - interval '23:59' - (${COUNT} - n) * interval '1 second'
    FROM generate_series(${from}, ${to}) n)
  UPDATE heads SET seq = ${to}, last_at = now() WHERE room_id = '${GLOBAL_ROOM}'`;

/** As if pages of history were of twenty thousand messages, so that all of them are held after five, not after two thousand. */
export async function enlargePages(page: Page): Promise<void> {
  await page.route("**/api/chat/global/messages/?limit=50&before=*", async (route) => {
    const before = Number(new URL(route.request().url()).searchParams.get("before"));
    const from = Math.max(1, before - 20_000);
    const sender = { id: "00000000-0000-4000-8000-000000000000", username: "Chronist" };
    const messages = Array.from({ length: before - from }, (_, i) => {
      const seq = from + i;
      const content = `line ${seq}.${" and so on".repeat(seq % 97 ? (seq % 7 ? 0 : seq % 40) : 190)}`;
      const timestamp = new Date(Date.UTC(2026, 0) + seq * 1_000).toISOString();
      return { id: seq, stream: "global", seq, version: seq, sender, content, timestamp };
    });
    await route.fulfill({ json: messages });
  });
}

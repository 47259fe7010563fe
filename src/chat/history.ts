import { GLOBAL_ROOM } from "../db/schema.ts";
import { invalid } from "../errors.ts";
import { id as uuid } from "../protocol/api.ts";
import type { ChatStore, MessageRow } from "./store.ts";

type Query = { limit?: string; before?: string; after?: string };

/** Messages of one room, oldest first, and where the pages around them begin. */
export type History = { rows: MessageRow[]; older: boolean; newer: boolean };

/**
 * One page: `before` gives the newest before it, `after` the oldest after it, both the oldest in between. A cursor is a message of
 * this room or a time; it is resolved to a seq first, so that every page is one range of the primary key.
 */
export async function readHistory(store: ChatStore, reader: string, room: string, query: Query): Promise<History> {
  const limit = readLimit(query.limit);
  const upwards = query.after !== undefined;
  const [above, below] = await Promise.all([
    query.after === undefined ? 0 : cursor(store, room, "after", query.after),
    query.before === undefined ? Number.MAX_SAFE_INTEGER : cursor(store, room, "before", query.before),
  ]);
  const page = await store.page({ reader, room, from: upwards ? above : below, limit: limit + 1, upwards });
  const rows = page.rows.filter(({ seq }) => seq < below);
  const beyond = page.beyond && rows.length > 0;
  const more = rows.length > limit;
  if (more) rows.splice(upwards ? limit : 0, 1);
  return upwards ? { rows, older: beyond, newer: more } : { rows, older: more, newer: beyond };
}

/** `Link` as in RFC 8288: `prev` is older, `next` is newer. */
export function linkHeader(url: URL, room: string, { rows, older, newer }: History): string {
  const link = (rel: string, name: string, row: MessageRow, drop: string) => {
    const to = new URL(url);
    to.searchParams.delete(drop);
    to.searchParams.set(name, room === GLOBAL_ROOM ? String(row.seq) : row.id);
    return `<${to.href}>; rel="${rel}"`;
  };
  const links = [];
  if (older) links.push(link("prev", "before", rows[0]!, "after"));
  if (newer) links.push(link("next", "after", rows.at(-1)!, url.searchParams.has("after") ? "" : "before"));
  return links.join(", ");
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return 50;
  if (!/^\d+$/.test(text) || Number(text) === 0) throw invalid("limit", "limit: must be a number from 1 to 200.");
  return Math.min(Number(text), 200);
}

/** The place of a message by the id that clients know it by; undefined where it never was, or is gone for good. */
export async function findMessage(store: ChatStore, room: string, text: string): Promise<number | undefined> {
  if (room === GLOBAL_ROOM) return /^[1-9]\d{0,14}$/.test(text) ? store.seqExists(room, Number(text)) : undefined;
  const id = uuid.safeParse(text);
  return id.success ? store.seqOf(room, id.data) : undefined;
}

/** The seq that a cursor stands for; both cursors exclude it. */
async function cursor(store: ChatStore, room: string, field: "before" | "after", text: string): Promise<number> {
  const time = readTime(text, field === "before");
  if (time)
    return field === "before" ? store.seqAt(room, time) : (await store.seqAt(room, new Date(time.getTime() + 1))) - 1;
  const seq = await findMessage(store, room, text);
  if (!seq) throw invalid(field, `${field}: must be the id of a message in this room, or an ISO 8601 time.`);
  return seq;
}

/** An ISO time, UTC where no zone is given. Stored times are whole milliseconds: what is finer rounds up for an upper bound. */
function readTime(text: string, up: boolean): Date | null {
  // A plus sign that nobody escaped arrives as a space.
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+\- ]\d\d:?\d\d)?$/i.exec(text);
  if (!match) return null;
  const [, day, clock, zone = "Z"] = match;
  const time = new Date(
    `${day}T${clock}${zone
      .replace(" ", "+")
      .replace(/^([+-]\d\d)(\d\d)$/, "$1:$2")
      .toUpperCase()}`,
  );
  // The last of February is not the second of March.
  if (Number.isNaN(Date.parse(day!)) || new Date(day!).toISOString().slice(0, 10) !== day) return null;
  // Years that PostgreSQL and JavaScript write alike.
  if (!(time.getTime() > Date.parse("0001-01-02") && time.getTime() < Date.parse("9999-12-31"))) return null;
  return up && /\.\d{3}0*[1-9]/.test(clock!) ? new Date(time.getTime() + 1) : time;
}

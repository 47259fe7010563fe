/** What administrators are told, and what they may ask for (`/api/admin/`). Times and ids are as elsewhere. */
import { z } from "zod";
import { text } from "./api.ts";

export const ACTS = ["disable", "enable", "end_sessions", "reset_password", "make_admin", "unmake_admin"] as const;
/** What an administrator can do to an account. */
export type Act = (typeof ACTS)[number];

const part = text.refine((value) => [...value].length <= 64, "at most 64 characters").default("");
/** Where a page begins that goes backwards: below this number. */
const before = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional();

export const act = z.object({ act: z.enum(ACTS), password: text });
export const remove = z.object({ password: text });
export const users = z.object({
  search: part,
  /** Disabled ones alone, or administrators alone. */
  only: z.enum(["", "disabled", "admins", "online"]).default(""),
});
export const messages = z.object({
  search: part,
  before,
});
export const rooms = z.object({ search: part });
export const log = z.object({ before });

export type AdminUser = {
  id: string;
  username: string;
  email: string | null;
  role: "user" | "admin";
  created_at: string;
  last_seen: string | null;
  is_online: boolean;
  disabled_at: string | null;
  /** The owner deleted it: it cannot come back. */
  is_deleted: boolean;
  /** Living ones. */
  sessions: number;
};

export type Named = { id: string; username: string };

export type AdminRoom = {
  /** `global`, or the conversation's id. */
  stream: string;
  /** None in the public room. */
  participants: Named[];
  /** Events so far, removed messages and removals included. */
  head_seq: number;
  updated_at: string;
};

export type AdminMessage = {
  id: string | number;
  seq: number;
  sender: Named;
  /** As it was typed; to be shown as text only. */
  text: string;
  timestamp: string;
};

/** Newest first. `before`: where the next page begins; null at the room's beginning. A search looks at a part of a long room at a time, so that a page may be empty and not the last. */
export type AdminMessages = { results: AdminMessage[]; before: number | null };

/** One line of the log of all that admins and the operator's commands did. `by` is null for the operator. */
export type AuditEntry = {
  id: number;
  at: string;
  by: Named | null;
  action: string;
  /** Whom it was done to. */
  user: Named | null;
  /** Ids of what else it was about. */
  details: Record<string, unknown>;
};

/** What one process says of itself. Counters run from its start, and so rates are differences of two answers. */
export type Figures = {
  process: string;
  uptime_s: number;
  memory_bytes: number;
  /** Seconds of CPU. */
  cpu_s: number;
  sockets: { global: number; private: number; chat: number };
  /** Messages stored by this process, and frames that left it. */
  messages: number;
  frames: number;
  /** How many commits took up to so many ms: cumulative, as [upper bound, count]; the last bound is null. */
  commits: [ms: number | null, count: number][];
};

export type Live = { now: string; users_online: number; processes: Figures[] };

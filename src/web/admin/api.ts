import { signal } from "@preact/signals";
import { ChatError } from "../../client/index.ts";
import type { Act, AdminMessages, AdminRoom, AdminUser, AuditEntry, Live } from "../../protocol/admin.ts";
import type { Page } from "../../protocol/models.ts";
import { chat } from "../app/chat.ts";

const get = <T>(path: string, query: Record<string, string | number | null | undefined> = {}) => {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return chat.request<T>("GET", `/api/admin/${path}/?${new URLSearchParams(given.map(([k, v]) => [k, `${v}`]))}`);
};

export const api = {
  users: (search: string, only: string, page: number) => get<Page<AdminUser>>("users", { search, only, page }),
  act: (user: string, act: Act, password: string) =>
    chat.request<{ link?: string; user: AdminUser }>("POST", `/api/admin/users/${user}/`, { act, password }),
  rooms: (search: string, page: number) => get<Page<AdminRoom>>("rooms", { search, page }),
  messages: (stream: string, search: string, before: number | null) =>
    get<AdminMessages>(`rooms/${stream}/messages`, { search, before }),
  remove: (stream: string, message: string | number, password: string) =>
    chat.request<void>("DELETE", `/api/admin/rooms/${stream}/messages/${message}/`, { password }),
  live: () => get<Live>("live"),
  log: (before: number | null) => get<{ results: AuditEntry[]; before: number | null }>("log", { before }),
};

/** A sentence about what went wrong. */
export function saidOf(error: unknown): string {
  if (!(error instanceof ChatError)) throw error;
  return error.errors[0]?.message ?? error.detail;
}

/** What is asked before something is destroyed; null while nothing is. */
export type Question = {
  title: string;
  /** What will happen, in a sentence. */
  about: string;
  /** The button. */
  does: string;
  /** @returns what there is to tell afterwards, if anything */
  run: (password: string) => Promise<string | undefined>;
};
export const question = signal<Question | null>(null);

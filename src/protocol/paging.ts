/** Pages by number, for lists that one looks through: `?page=` from 1, `?page_size=` 1 to 100, default 20. */
import type { Page } from "./models.ts";

export type PageQuery = { page: number; size: number; offset: number };

/** Null for a page that cannot exist. */
export function readPage(query: { page?: string; page_size?: string }): PageQuery | null {
  const page = wholeNumber(query.page, 1);
  const size = wholeNumber(query.page_size, 20);
  if (page === null || size === null || page < 1 || size < 1 || size > 100) return null;
  return { page, size, offset: (page - 1) * size };
}

/** Null for a page past the end; the first page of an empty list is there. */
export function makePage<T>(url: URL, query: PageQuery, count: number, results: T[]): Page<T> | null {
  if (query.page > 1 && query.offset >= count) return null;
  const link = (page: number) => {
    const to = new URL(url);
    to.searchParams.set("page", String(page));
    return to.href;
  };
  return {
    count,
    next: query.offset + query.size < count ? link(query.page + 1) : null,
    previous: query.page > 1 ? link(query.page - 1) : null,
    results,
  };
}

function wholeNumber(text: string | undefined, fallback: number): number | null {
  if (text === undefined) return fallback;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

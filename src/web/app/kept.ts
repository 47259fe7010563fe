/**
 * What a tab keeps over its reloads, by user: where one was and with whom, and what was begun and not sent. In its own storage, which ends with it and which
 * no other tab writes to; where there is none, it lasts as long as the page.
 */
const PREFIX = "liquidchat ";
const memory = new Map<string, string>();

/** Browsers that keep nothing throw already when they are asked for it. */
function inTab<T>(use: (storage: Storage) => T): T | undefined {
  try {
    return use(sessionStorage);
  } catch {
    return undefined;
  }
}

export function kept(name: string): string | null {
  return memory.get(name) ?? inTab((storage) => storage.getItem(PREFIX + name)) ?? null;
}

/** Keeps a value, or with null none. */
export function keep(name: string, value: string | null): void {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  inTab((storage) => (value === null ? storage.removeItem(PREFIX + name) : storage.setItem(PREFIX + name, value)));
}

export function forgetAll(): void {
  memory.clear();
  inTab((storage) => {
    for (const key of Object.keys(storage)) if (key.startsWith(PREFIX)) storage.removeItem(key);
  });
}

/** Where the client keeps what must outlive the page: tokens and unsent messages. */

/** Keys to JSON values. Several tabs may share one. A `get` of what is not there gives undefined. What is done to one key is done in order. */
export type ChatStorage = {
  get(key: string): Promise<unknown>;
  /** Settles when the value is safe. */
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /** All entries whose key begins with `prefix`. */
  entries(prefix: string): Promise<[key: string, value: unknown][]>;
};

/** Rejects where it throws, as one over `localStorage` does. */
export function asynchronous(storage: ChatStorage): ChatStorage {
  return {
    get: async (key) => storage.get(key),
    set: async (key, value) => storage.set(key, value),
    delete: async (key) => storage.delete(key),
    entries: async (prefix) => storage.entries(prefix),
  };
}

/** Forgets everything with the page. */
export function memoryStorage(): ChatStorage {
  const values = new Map<string, unknown>();
  return {
    get: async (key) => values.get(key),
    set: async (key, value) => void values.set(key, structuredClone(value)),
    delete: async (key) => void values.delete(key),
    entries: async (prefix) => [...values].filter(([key]) => key.startsWith(prefix)),
  };
}

/** What is used of IndexedDB; the project is not checked against a browser's types. */
type Request<T> = { result: T; error: unknown; onsuccess: (() => void) | null; onerror: (() => void) | null };
type Store = {
  get(key: string): Request<unknown>;
  put(value: unknown, key: string): Request<unknown>;
  delete(key: string): Request<unknown>;
  getAll(range: unknown): Request<unknown[]>;
  getAllKeys(range: unknown): Request<string[]>;
};
type Database = {
  createObjectStore(name: string): unknown;
  transaction(
    store: string,
    mode: string,
  ): { objectStore(name: string): Store; commit?(): void; oncomplete: unknown; onabort: unknown };
  onversionchange: unknown;
  close(): void;
};
type IndexedDb = {
  open(name: string, version: number): Request<Database> & { onupgradeneeded: unknown; onblocked: unknown };
};

/**
 * Keeps values in the browser's IndexedDB. Where it cannot be opened (private windows, old browsers, a full disk) it keeps them in
 * memory, for this page only. A later failure of a single call rejects that call.
 */
export function indexedDbStorage(
  name = "liquidchat",
  { indexedDB, IDBKeyRange } = globalThis as unknown as {
    indexedDB?: IndexedDb;
    IDBKeyRange?: { bound(from: string, to: string): unknown };
  },
): ChatStorage {
  let opened: Promise<ChatStorage> | undefined;

  function open(): Promise<ChatStorage> {
    return new Promise<Database>((resolve, reject) => {
      const request = indexedDB!.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("values");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
      request.onblocked = request.onerror;
    }).then((database) => {
      // Who deletes it, or makes it anew, would wait for this page for ever.
      database.onversionchange = () => database.close();
      return over(database);
    }, memoryStorage);
  }

  function over(database: Database): ChatStorage {
    /** Settles with the transaction, not with the request: only then is a write on the disk. */
    const run = <T>(mode: "readonly" | "readwrite", use: (store: Store) => () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        const transaction = database.transaction("values", mode);
        const result = use(transaction.objectStore("values"));
        // Else it waits for this page to hear of the request, and is undone where the page is closed before.
        if (mode === "readwrite") transaction.commit?.();
        transaction.oncomplete = () => resolve(result());
        transaction.onabort = () => reject(new Error("IndexedDB refused"));
      });
    return {
      get: (key) => run("readonly", (store) => later(store.get(key))),
      set: async (key, value) => void (await run("readwrite", (store) => later(store.put(value, key)))),
      delete: async (key) => void (await run("readwrite", (store) => later(store.delete(key)))),
      entries: (prefix) =>
        run("readonly", (store) => {
          const range = IDBKeyRange!.bound(prefix, `${prefix}\uffff`);
          const [keys, values] = [later(store.getAllKeys(range)), later(store.getAll(range))];
          return () => keys().map((key, i) => [key, values()[i]]);
        }),
    };
  }

  async function on<T>(use: (storage: ChatStorage) => Promise<T>): Promise<T> {
    const storage = (opened ??= open());
    try {
      return await use(await storage);
    } catch (error) {
      // It is closed: browsers do so of their own accord, above all Safari.
      if ((error as Error).name !== "InvalidStateError") throw error;
      if (opened === storage) opened = open();
      return use(await opened);
    }
  }
  return {
    get: (key) => on((storage) => storage.get(key)),
    set: (key, value) => on((storage) => storage.set(key, value)),
    delete: (key) => on((storage) => storage.delete(key)),
    entries: (prefix) => on((storage) => storage.entries(prefix)),
  };
}

const later =
  <T>(request: Request<T>) =>
  () =>
    request.result;

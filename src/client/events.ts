/** Who is told of what. */
export type Events<T> = {
  /** @returns what ends it */
  on<K extends keyof T>(event: K, listener: (value: T[K]) => void): () => void;
  emit<K extends keyof T>(event: K, value: T[K]): void;
};

export function createEvents<T>(): Events<T> {
  const listeners = new Map<keyof T, Set<(value: never) => void>>();
  return {
    on(event, listener) {
      // Wrapped, so that a listener given twice is called twice, and each is ended by itself.
      const entry = (value: never) => listener(value);
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(entry));
      return () => void all.delete(entry);
    },
    emit(event, value) {
      for (const listener of listeners.get(event) ?? [])
        try {
          listener(value as never);
        } catch (error) {
          // The page's mistake, told as such, without harm to what is under way here.
          queueMicrotask(() => {
            throw error;
          });
        }
    },
  };
}

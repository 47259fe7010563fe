type Waiting<K, V> = { key: K; resolve: (value: V) => void; reject: (error: unknown) => void };

/**
 * Many askers, few questions: while `inFlight` questions are under way, keys gather for the next one, as in a group commit. A failed
 * question fails for all who asked it, unless `isOfOne` says that one of the keys did it: then each is asked for alone.
 */
export function createBatch<K, V>(
  { size, inFlight }: { size: number; inFlight: number },
  ask: (keys: K[]) => Promise<V[]>,
  isOfOne: (error: unknown) => boolean = () => false,
): ((key: K) => Promise<V>) & { waiting: () => number } {
  const waiting: Waiting<K, V>[] = [];
  let asking = 0;

  async function next(): Promise<void> {
    // Whoever asks in this same turn comes along.
    await Promise.resolve();
    while (waiting.length) {
      const batch = waiting.splice(0, size);
      try {
        const values = await ask(batch.map(({ key }) => key));
        batch.forEach(({ resolve }, i) => resolve(values[i]!));
      } catch (error) {
        if (batch.length === 1 || !isOfOne(error)) for (const { reject } of batch) reject(error);
        else for (const { key, resolve, reject } of batch) await ask([key]).then(([value]) => resolve(value!), reject);
      }
    }
    asking--;
  }

  const asked = (key: K) =>
    new Promise<V>((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      if (asking >= inFlight) return;
      asking++;
      void next();
    });
  return Object.assign(asked, { waiting: () => waiting.length });
}

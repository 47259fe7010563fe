/** One way of hurting the server, and what must hold all the same. */
export type Scenario = {
  name: string;
  /** @returns what was wrong */
  run(options: Options): Promise<string[]>;
};

export type Options = {
  long: boolean;
  log: (line: string) => void;
  /** What is worth a line in a table, beside the same without the fault where that was measured. */
  figure: (what: string, value: number, without?: number) => void;
};

/** Resolves when it is so; rejects when it is not within `ms`. */
export async function soon(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const until = Date.now() + ms; !(await isSo());) {
    if (Date.now() > until) throw new Error(`not within ${ms} ms`);
    await Bun.sleep(50);
  }
}

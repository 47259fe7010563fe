/** What a case is, and what one run of it gives. */
import type { Cells } from "./histogram.ts";
import type { Cores } from "./processes.ts";

export type Run = {
  figures: Record<string, number>;
  cores: Cores;
  /** Of deliveries. The figures `p50` and `p99`, in milliseconds, are read from those of all runs together. */
  latency?: Cells;
};

/** A line of the table: a figure of one side, and the same of another side. */
export type Row = {
  what: string;
  side: string;
  figure: string;
  beside?: string;
  goal?: string;
  met?: (figure: number, reference: number) => boolean;
};

export type Case = {
  name: string;
  /** Each starts fresh processes and measures once. */
  sides: Record<string, () => Promise<Run>>;
  rows: Row[];
};

/** How long, how often and how much: in full, or for a quick look. */
export type Scale = { runs: number; warmUpMs: number; measureMs: number; messages: number };

export const FULL: Scale = { runs: 3, warmUpMs: 2_000, measureMs: 5_000, messages: 1_000_000 };
export const QUICK: Scale = { runs: 1, warmUpMs: 1_000, measureMs: 2_000, messages: 100_000 };

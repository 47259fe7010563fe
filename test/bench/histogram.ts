/** Times in microseconds, exact below 2 ms, then to a thousandth. */
export class Histogram {
  counts = new Uint32Array(32 * 1024);
  size = 0;

  add(us: number): void {
    this.counts[bucket(us)]!++;
    this.size++;
  }

  merge(cells: Cells): this {
    for (const [i, count] of cells) {
      this.counts[i]! += count;
      this.size += count;
    }
    return this;
  }

  /** What travels between processes. */
  cells(): Cells {
    return [...this.counts.entries()].filter(([, count]) => count > 0);
  }

  milliseconds(quantile: number): number {
    let left = Math.ceil(this.size * quantile);
    const i = this.counts.findIndex((count) => (left -= count) <= 0);
    return lowest(i) / 1_000;
  }
}

export type Cells = [bucket: number, count: number][];

const EXACT = 2_048;
const STEPS = 1_024;

function bucket(us: number): number {
  if (us < EXACT) return Math.max(0, Math.trunc(us));
  const octave = 31 - Math.clz32(us) - 10;
  return octave * STEPS + Math.trunc(us / 2 ** octave);
}

function lowest(i: number): number {
  if (i < EXACT) return i;
  const octave = Math.trunc(i / STEPS) - 1;
  return (i - octave * STEPS) * 2 ** octave;
}

/** Results as lines of Markdown. */
import type { Row, Run } from "./case.ts";
import { Histogram } from "./histogram.ts";

export type Results = Record<string, Run[]>;

/** A client that was busy all the time measured itself. */
const BUSY = 0.95;

export const heading =
  "| | LiquidChat | Reference | Goal | | Server CPU | Client CPU | PostgreSQL CPU | Redis CPU |\n| --- | ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |";

export function line({ what, side, figure, beside, goal = "", met }: Row, results: Results): string {
  const ours = results[side]!;
  const value = valueOf(ours, figure);
  const reference = beside && valueOf(results[beside]!, figure);
  const core = (part: keyof Run["cores"]) => median(ours.map(({ cores }) => cores[part])).toFixed(2);
  const cells = [
    what,
    shown(value),
    reference === undefined ? "" : shown(Number(reference)),
    goal,
    met ? verdict(met(value, Number(reference))) : "",
    core("server"),
    core("client"),
    core("postgres"),
    core("redis"),
  ];
  return `| ${cells.join(" | ")} |${flaws(ours)}`;
}

export const verdict = (met: boolean): string => (met ? "met" : "missed");

/** NaN where no run counts. */
function valueOf(runs: Run[], figure: string): number {
  const good = runs.filter(({ cores }) => cores.client <= BUSY);
  if (figure === "p50" || figure === "p99") {
    const pooled = good.reduce((all, { latency }) => all.merge(latency!), new Histogram());
    return pooled.milliseconds(figure === "p50" ? 0.5 : 0.99);
  }
  return median(good.map(({ figures }) => figures[figure]!));
}

/** What must not be: it is said beside the line. */
function flaws(runs: Run[]): string {
  const bad = runs.filter(({ figures: { down = 0, orders = 1, lost = 0 } }) => down || orders > 1 || lost);
  return bad.length ? ` <!-- ${JSON.stringify(bad.map(({ figures }) => figures))} -->` : "";
}

export const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export function shown(value: number): string {
  if (Number.isNaN(value)) return "void";
  return value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 2 : 0 });
}

import type { Progress } from "../moving/rows.ts";

const WIDTH = 40;

/** A bar on a terminal, on standard error; nothing where that goes into a file. */
export function progressBar(what: string): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return () => {};
  let drawn = "";
  return (done, of) => {
    const part = of ? done / of : 1;
    const bar = "#".repeat(Math.floor(part * WIDTH)).padEnd(WIDTH, ".");
    const line = `\r${what} [${bar}] ${Math.floor(part * 100)} %${done >= of ? "\n" : ""}`;
    if (line !== drawn) stderr.write((drawn = line));
  };
}

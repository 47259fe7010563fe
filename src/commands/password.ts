/** A new password: typed twice without being shown, or the first line of what is piped in. */
export async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await Bun.stdin.text()).split(/\r?\n/)[0]!;
  // Before anything is asked: who types at once is not to be shown either.
  process.stdin.setRawMode(true);
  try {
    const first = await ask("Password: ");
    if (first !== (await ask("Once more: "))) throw new Error("the two passwords differ");
    return first;
  } finally {
    process.stdin.setRawMode(false);
  }
}

/** A line from a terminal that keeps it to itself. */
function ask(question: string): Promise<string> {
  const { stdin } = process;
  stdin.setEncoding("utf8");
  process.stderr.write(question);
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const finish = (settle: () => void) => {
      stdin.off("data", read).pause();
      process.stderr.write("\n");
      settle();
    };
    const read = (text: string) => {
      for (const key of text) {
        if (key === "\r" || key === "\n") return finish(() => resolve(typed.join("")));
        // Ctrl-C and Ctrl-D: in this mode nobody else acts on them.
        if (key === "\u0003" || key === "\u0004") return finish(() => reject(new Error("interrupted")));
        if (key === "\u007f" || key === "\b") typed.pop();
        else if (key === "\u0015") typed = [];
        else if (key >= " ") typed.push(key);
      }
    };
    stdin.on("data", read).resume();
  });
}

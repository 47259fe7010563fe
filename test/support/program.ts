/** The program as a command: a process that ends by itself. */
import { join } from "node:path";
import { tempDir } from "./services.ts";

export const MAIN = join(import.meta.dir, "../../src/main.ts");

export type Done = { code: number; out: string; err: string };

/** Runs it in an empty folder. */
export async function runProgram(
  args: string[],
  env: Record<string, string> = {},
  { input = "", program = [process.execPath, MAIN] }: { input?: string; program?: string[] } = {},
): Promise<Done> {
  const child = Bun.spawn([...program, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: [new Blob([input]), "pipe", "pipe"],
    cwd: await tempDir(),
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}

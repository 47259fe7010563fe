/** What the operator does to accounts, with and without a server that holds the database. */
import { describe, expect, test } from "bun:test";
import { openEmbedded } from "../../src/db/embedded.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { call } from "../support/client.ts";
import { MAIN, runProgram } from "../support/program.ts";
import { type Env, SECRET, startServer, type TestServer } from "../support/server.ts";
import { silent, tempDir } from "../support/services.ts";

const PASSWORD = "quartz-lantern-63";

const logIn = async (server: TestServer, username: string, password = PASSWORD) => {
  const { status, body } = await call(server.url, "POST", "/api/auth/login/", { body: { username, password } });
  if (status !== 200) return status;
  return (await call(server.url, "GET", "/api/auth/me/", { token: body.access })).body.role;
};

/** What the audit log has, of a database that nobody holds: action and subject. */
async function audited(dataDir: string): Promise<[string, string | null][]> {
  const db = await openEmbedded(dataDir, systemClock, silent);
  const rows = await db.query<{ action: string; username: string; actor_id: string | null }>(
    "SELECT a.action, u.username, a.actor_id FROM audit_log a JOIN users u ON u.id = a.subject ORDER BY a.id",
    [],
  );
  await db.close();
  return rows.map(({ action, username, actor_id }) => [`${actor_id ? "by themself: " : ""}${action}`, username]);
}

describe("admins", () => {
  test("are made before the first start and beside a running server, and nothing of it is forgotten", async () => {
    const env: Env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET, PUBLIC_URL: "https://chat.example.org/" };
    const first = await runProgram(["create-admin", "Ada"], env, { input: `${PASSWORD}\n` });
    expect([first.code, first.out, first.err]).toEqual([0, "Ada is an admin, with a new account.\n", ""]);
    const server = await startServer(env);
    const second = await runProgram(["create-admin", "admin"], env, { input: `${PASSWORD}\r\nrest` });
    expect([second.code, second.out]).toEqual([0, "admin is an admin, with a new account.\n"]);
    const linked = await runProgram(["create-admin", "--link", "Grace"], env);
    expect(linked.code).toBe(0);
    const token = /^https:\/\/chat\.example\.org\/reset#([\w-]{43})$/m.exec(linked.out)![1];
    expect([await logIn(server, "Ada"), await logIn(server, "admin")]).toEqual(["admin", "admin"]);
    for (const password of ["", "-", PASSWORD]) expect(await logIn(server, "Grace", password)).toBe(401);
    const set = await call(server.url, "POST", "/api/auth/reset/", { body: { token, password: PASSWORD } });
    expect([set.status, await logIn(server, "Grace")]).toEqual([200, "admin"]);
    const again = await runProgram(["create-admin", "grace"], env);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining("The account was there before")]);
    // It would be as good as the password: nobody logs it.
    expect(server.output()).not.toContain(token);
    await server.kill();
    expect(await audited(env.DATA_DIR!)).toEqual([
      ["account_made", "Ada"],
      ["made_admin", "Ada"],
      ["account_made", "admin"],
      ["made_admin", "admin"],
      ["account_made", "Grace"],
      ["made_admin", "Grace"],
      ["reset_link_made", "Grace"],
      ["by themself: reset_link_used", "Grace"],
    ]);
  }, 60_000);

  test("are not made of a weak password, a name that is none, or one that looks like another", async () => {
    const env: Env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET };
    await runProgram(["create-admin", "Mary"], env, { input: PASSWORD });
    for (const [name, input, reason] of [
      ["Eve", "12345678", "password"],
      ["Eve", "", "password"],
      ["a b", PASSWORD, "A username has letters"],
      ["М\u0430ry", PASSWORD, "looks like one"],
    ] as const) {
      const { code, out, err } = await runProgram(["create-admin", name], env, { input });
      expect([name, code, out, err.toLowerCase().includes(reason.toLowerCase())]).toEqual([name, 1, "", true]);
    }
    const unknown = await runProgram(["reset-password", "Eve"], env);
    expect([unknown.code, unknown.err]).toEqual([1, 'there is no active account "Eve"\n']);
    expect((await audited(env.DATA_DIR!)).map(([, name]) => name)).toEqual(["Mary", "Mary"]);
  }, 60_000);

  test.skipIf(!Bun.which("script"))(
    "get a password at the terminal, typed twice and never shown",
    async () => {
      const env: Env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET };
      const typed = async (...lines: string[]) => {
        const child = Bun.spawn(["script", "-qec", `${process.execPath} ${MAIN} create-admin Ada`, "/dev/null"], {
          env: { PATH: process.env.PATH!, ...env },
          cwd: await tempDir(),
          stdio: ["pipe", "pipe", "inherit"],
        });
        let screen = "";
        for await (const chunk of child.stdout) {
          screen += new TextDecoder().decode(chunk);
          if (/(Password|Once more): $/.test(screen) && lines.length) {
            child.stdin.write(lines.shift()!);
            void child.stdin.flush();
          }
        }
        return { code: await child.exited, screen };
      };
      const differ = await typed(`${PASSWORD}\r`, `${PASSWORD}x\r`);
      expect([differ.code, differ.screen]).toEqual([1, expect.stringContaining("the two passwords differ")]);
      const interrupted = await typed(`${PASSWORD}\u0003`);
      expect([interrupted.code, interrupted.screen]).toEqual([1, expect.stringContaining("interrupted")]);
      expect(await audited(env.DATA_DIR!)).toEqual([]);
      const right = await typed(`wrong\u0015${PASSWORD}x\u007f\r`, `${PASSWORD}\r`);
      expect([right.code, right.screen]).toEqual([0, expect.stringContaining("Ada is an admin")]);
      for (const { screen } of [differ, interrupted, right]) expect(screen).not.toContain("quartz");
      const server = await startServer(env);
      expect(await logIn(server, "Ada")).toBe("admin");
      await server.kill();
    },
    60_000,
  );
});

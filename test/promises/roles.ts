import { expect } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { eventually } from "../support/services.ts";

const NEW = "teal-comet-9021";

export const roles: PromiseSuite = (promised, rig) => {
  const command = (...args: string[]) => runProgram(args, rig().env);
  const linkFor = async (name: string): Promise<string> => {
    const { out } = await command("reset-password", name);
    return /\/reset#([\w-]{43})$/m.exec(out)![1]!;
  };
  const reset = (token: unknown, password: unknown = NEW) =>
    call(rig().url(1), "POST", "/api/auth/reset/", { body: { token, password } });
  const logIn = async (name: string, password: string) =>
    (await call(rig().url(), "POST", "/api/auth/login/", { body: { username: name, password } })).status;
  const role = async (person: Person) => (await person.get("/api/auth/me/")).body.role;

  promised([200], "nobody becomes an admin by what they send; the operator makes admins", async () => {
    const { body } = await call(rig().url(), "POST", "/api/auth/signup/", {
      body: { username: "mallory-r", password: PASSWORD, password_confirm: PASSWORD, role: "admin" },
    });
    const mallory = new Person(rig().url(), body.user.id, "mallory-r", body.access, body.refresh);
    expect(Object.keys(body.user)).not.toContain("role");
    expect(await role(mallory)).toBe("user");
    expect((await command("create-admin", "MALLORY-R")).code).toBe(0);
    expect([await role(mallory), await logIn("mallory-r", PASSWORD)]).toEqual(["admin", 200]);
    const bob = await Person.signUp(rig().url());
    const seen = (await bob.get("/api/auth/users/?search=mallory-r")).body.results[0];
    expect([seen.username, "role" in seen]).toEqual(["mallory-r", false]);
    expect(await role(bob)).toBe("user");
  });

  promised([201, 202, 203], "a link sets a password anew, once, and ends every session", async () => {
    const alice = await Person.signUp(rig().url());
    const socket = await alice.at(rig().url(1)).chat();
    const older = await linkFor(alice.name);
    const token = await linkFor(alice.name.toUpperCase());
    const refusals = async (token: unknown, password?: unknown) => {
      const { status, body } = await reset(token, password);
      return [status, body.errors?.map((error: Json) => [error.field, error.code])];
    };
    for (const bad of [older, `${token}x`, token.toLowerCase(), "", alice.access, alice.id])
      expect([bad, await refusals(bad)]).toEqual([bad, [400, [["token", "invalid"]]]]);
    expect(await refusals(undefined)).toEqual([400, [["token", "required"]]]);
    expect(await refusals(token, "12345678")).toEqual([400, [["password", "weak"]]]);
    expect(await refusals(token, `${alice.name}!${alice.name}`)).toEqual([400, [["password", "weak"]]]);
    expect((await alice.get("/api/auth/me/")).status).toBe(200);

    const both = await Promise.all([reset(token), reset(token)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect((await socket.closed).code).toBe(4500);
    for (const i of [0, 1])
      await eventually(async () => expect((await alice.at(rig().url(i)).get("/api/auth/me/")).status).toBe(401), 3_000);
    expect([await logIn(alice.name, PASSWORD), await logIn(alice.name, NEW)]).toEqual([401, 200]);
    expect(await refusals(token)).toEqual([400, [["token", "invalid"]]]);
  });

  promised([202], "a new password and the removal of the account make a link void, and so does an hour", async () => {
    const [alice, bob] = [await Person.signUp(rig().url()), await Person.signUp(rig().url())];
    const links = [await linkFor(alice.name), await linkFor(bob.name)];
    await alice.post("/api/auth/password/", { password: PASSWORD, new_password: "plum-orbit-4417" });
    await call(bob.url, "DELETE", "/api/auth/me/", { token: bob.access, body: { password: PASSWORD } });
    for (const link of links) expect((await reset(link)).status).toBe(400);
    expect(await logIn(alice.name, "plum-orbit-4417")).toBe(200);

    const late = await linkFor(alice.name);
    await rig().sql("UPDATE password_resets SET expires_at = now()");
    expect((await reset(late)).status).toBe(400);
    expect([await logIn(alice.name, NEW), await logIn(alice.name, "plum-orbit-4417")]).toEqual([401, 200]);
  });
};

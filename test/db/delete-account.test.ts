/** Two scripted sessions, step by step: why `delete_account` takes the locks that it takes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { freshDatabase, haveServices } from "../support/services.ts";

describe.skipIf(!haveServices)("an account that goes while something else is under way", () => {
  let a: postgres.Sql;
  let b: postgres.Sql;
  let people = 0;

  beforeAll(async () => {
    const url = await freshDatabase();
    const db = openPostgres(url, systemClock);
    await migrate(db);
    await db.close();
    [a, b] = [postgres(url, { max: 1, onnotice: () => {} }), postgres(url, { max: 1, onnotice: () => {} })];
  });
  afterAll(() => Promise.all([a.end(), b.end()]));

  const one = async (sql: postgres.Sql, call: string) => (await sql.unsafe(`SELECT ${call} AS answer`))[0]!.answer;
  const json = (value: object) => `'${JSON.stringify(value)}'::jsonb`;
  const sessionOf = (user_id: string, id: string = crypto.randomUUID()) => ({
    id,
    user_id,
    user_agent: "",
    issued_at: new Date(),
    expires_at: new Date(Date.now() + 1e6),
    jti: crypto.randomUUID(),
  });
  const signUp = (sql: postgres.Sql, name: string, id: string, session: string) =>
    one(
      sql,
      `sign_up(${json({ id, username: name, folded: name, skeleton: name, ascii: true, password: "hash" })}, ${json(sessionOf(id, session))})`,
    );

  async function somebody() {
    const [name, id, session] = [`user${++people}`, crypto.randomUUID(), crypto.randomUUID()];
    expect(await signUp(a, name, id, session)).toBe(true);
    return {
      name,
      id,
      session,
      leaves: (sql: postgres.Sql) => one(sql, `delete_account('${id}', '${session}', 'hash')`),
    };
  }

  const say = (sql: postgres.Sql, { session }: { session: string }) =>
    one(
      sql,
      `(SELECT coalesce(others -> 0 ->> 'outcome', 'stored')
        FROM store_messages('{${GLOBAL_ROOM}}', '{1}', '{${session}}', '{${crypto.randomUUID()}}', '{NULL}', '{x}'))`,
    );

  /** What `second` comes to when it begins before `first` has committed, and has to wait for that. */
  async function whileUnderWay(
    first: () => Promise<unknown>,
    second: () => Promise<unknown>,
  ): Promise<[unknown, unknown]> {
    await a`BEGIN`;
    const answer = await first();
    let done = false;
    const waiting = second().finally(() => (done = true));
    await Bun.sleep(200);
    expect(done).toBe(false);
    await a`COMMIT`;
    return [answer, await waiting];
  }

  test("it goes after the message that is just being stored, and none is stored after it", async () => {
    const alice = await somebody();
    expect(
      await whileUnderWay(
        () => say(a, alice),
        () => alice.leaves(b),
      ),
    ).toEqual(["stored", [alice.session]]);
    const bob = await somebody();
    expect(
      await whileUnderWay(
        () => bob.leaves(a),
        () => say(b, bob),
      ),
    ).toEqual([[bob.session], "unauthenticated"]);
    expect(await say(b, await somebody())).toBe("stored");
  });

  test("its name is retired before anyone else sees it free", async () => {
    const alice = await somebody();
    const [, taken] = await whileUnderWay(
      () => alice.leaves(a),
      () => signUp(b, alice.name, crypto.randomUUID(), crypto.randomUUID()),
    );
    expect(taken).toBe(false);
  });

  test("no session begins and no conversation opens after it", async () => {
    for (const mine of [true, false]) {
      const [alice, bob] = [await somebody(), await somebody()];
      const pair = mine ? `'${alice.id}', '${bob.id}'` : `'${bob.id}', '${alice.id}'`;
      const [, room] = await whileUnderWay(
        () => alice.leaves(a),
        () => one(b, `open_direct(gen_random_uuid(), ${pair}, NULL)`),
      );
      expect(room).toBeNull();
    }
    const alice = await somebody();
    const session = json({ ...sessionOf(alice.id), verified: "hash" });
    expect(
      (
        await whileUnderWay(
          () => alice.leaves(a),
          () => one(b, `start_session(${session})`),
        )
      )[1],
    ).toBe(false);
    const [left] = await a`SELECT count(*)::int AS n FROM sessions WHERE user_id = ${alice.id} AND ended_at IS NULL`;
    expect(left!.n).toBe(0);
  });

  test("a session begins with the password that was verified, or not at all", async () => {
    const alice = await somebody();
    const change = () => one(a, `change_password('${alice.id}', '${alice.session}', 'hash', 'new hash')`);
    const start = (verified: string) => one(b, `start_session(${json({ ...sessionOf(alice.id), verified })})`);
    expect(await whileUnderWay(change, () => start("hash"))).toEqual([[], false]);
    expect(await start("new hash")).toBe(true);
    // And the other way round: the new session is ended, since it was there.
    await b`BEGIN`;
    expect(await start("new hash")).toBe(true);
    const changing = one(a, `change_password('${alice.id}', '${alice.session}', 'new hash', 'third hash')`);
    await Bun.sleep(200);
    await b`COMMIT`;
    expect((await changing).length).toBe(2);
  });

  test("two sessions of one account that change it at once do not wait for each other for ever", async () => {
    const alice = await somebody();
    const other = crypto.randomUUID();
    expect(await one(b, `start_session(${json(sessionOf(alice.id, other))})`)).toBe(true);
    const [first, second] = await whileUnderWay(
      () => alice.leaves(a),
      () => one(b, `change_password('${alice.id}', '${other}', 'hash', 'new hash')`),
    );
    expect([(first as string[]).sort(), second]).toEqual([[alice.session, other].sort(), null]);
  });
});

/** What goes by itself goes on, wherever the process that was at it was killed. */
import { expect, test } from "bun:test";
import { createClient, memoryStorage } from "../../src/client/index.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { PASSWORD, Person } from "../support/client.ts";
import { clusterRig, embeddedRig, startServer } from "../support/server.ts";
import { eventually, freePort, haveServices } from "../support/services.ts";

/** More than ten steps of an erasure. */
const SAID = 8_000;
const IN_CONVERSATION = 700;

/** All of it in one transaction; the server notices by itself. */
const say = (sender: string, room: string, n: number) => `
  SELECT count(*) FROM (SELECT array_agg(gen_random_uuid()) AS ids, array_agg('message ' || i) AS texts FROM generate_series(1, ${SAID + n}) i) x,
  store_messages('{${GLOBAL_ROOM}, ${room}}'::uuid[], '{${SAID}, ${SAID + n}}'::int[],
    array_fill((SELECT id FROM sessions WHERE user_id = '${sender}'), ARRAY[${SAID + n}]), ids, array_fill(NULL::text, ARRAY[${SAID + n}]), texts)`;

for (const kind of ["embedded", "PostgreSQL"])
  test.skipIf(kind === "PostgreSQL" && !haveServices)(`${kind}: an erasure whose process is killed goes on at the next start; whoever comes back sees what is left, and no hole`, async () => {
    const rig = kind === "embedded" ? await embeddedRig() : await clusterRig({ PORT: String(await freePort()) }, 1);
    const [alice, bob] = [await Person.signUp(rig.url()), await Person.signUp(rig.url())];
    const id = await alice.conversationWith(bob);
    await rig.sql(say(alice.id, id, IN_CONVERSATION));
    const PUBLIC = "/api/chat/global/messages/";
    const answers = [await bob.post(PUBLIC, { content: "an answer" }), await bob.post(PUBLIC, { content: "another" })];
    const client = createClient({ url: rig.url(), storage: memoryStorage() });
    await client.logIn({ username: bob.name, password: PASSWORD });
    client.connect();
    await eventually(() => expect(client.connection.state).toBe("live"));
    for (const stream of ["global", id]) await client.loadLatest(stream);
    const headBefore = client.state.streams.get("global")!.last!;

    expect((await alice.delete("/api/auth/me/", { password: PASSWORD, erase: true })).status).toBe(204);
    while (client.state.streams.get("global")!.last === headBefore) await Bun.sleep(1);
    await rig.servers[0]!.kill("SIGKILL");
    const count = (where: string) => `SELECT count(*)::int AS n FROM messages WHERE ${where}`;
    const [left] = await rig.sql(count(`sender_id = '${alice.id}'`));
    expect(left!.n).toBeWithin(1, SAID + IN_CONVERSATION);
    // The embedded one was started again for the question.
    if (kind !== "embedded") rig.servers[0] = await startServer(rig.env);

    await eventually(async () => expect((await bob.get(`/api/chat/conversations/${id}/messages/`)).body).toEqual([]), 30_000);
    await eventually(() => expect(client.connection.state).toBe("live"), 30_000);
    const shown = (stream: string) => {
      const { last, messages, unread } = client.state.streams.get(stream)!;
      return { last, unread, ids: messages.map((message) => message.id) };
    };
    await eventually(() => {
      expect(shown("global")).toEqual({ last: 2 * SAID + 2, unread: 0, ids: answers.map(({ body }) => body.id) });
      expect(shown(id)).toEqual({ last: 2 * IN_CONVERSATION, unread: 0, ids: [] });
    }, 30_000);
    expect((await bob.get(`${PUBLIC}?limit=200`)).body).toMatchObject([{ content: "an answer" }, { content: "another" }]);
    client.close();
    // That nothing is left is found a step later.
    await eventually(async () => expect(await rig.sql("SELECT user_id FROM erasures")).toEqual([]), 10_000);
    expect(await rig.sql("SELECT count(*)::int AS n, count(DISTINCT message_id)::int AS told FROM removals")).toEqual([{ n: SAID + IN_CONVERSATION, told: SAID + IN_CONVERSATION }]); // prettier-ignore
    await rig.stop();
  }, 120_000); // prettier-ignore

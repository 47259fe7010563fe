import { Person, TestSocket } from "../support/client.ts";
import { clusterRig, type Env, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import type { World } from "./table.ts";

/** So that the route is there. */
export const METRICS_TOKEN = "a-token-of-the-operators";

/** Two processes and everyone whom the table speaks of. */
export async function makeWorld(env: Env = {}): Promise<{ rig: Rig; world: World }> {
  const rig = await clusterRig({
    MAX_SOCKETS_PER_USER: "0",
    PRESENCE_HEARTBEAT: "30",
    PRESENCE_EXPIRY: "60",
    METRICS_TOKEN,
    ...env,
  });
  const [alice, bob, mallory, carol, dan, erin] = (await Promise.all(
    ["alice", "bob", "mallory", "carol", "dan", "erin"].map((name, i) => Person.signUp(rig.url(i), name)),
  )) as [Person, Person, Person, Person, Person, Person];
  const people = { alice, bob, mallory, carol, dan, erin };
  const ended = await alice.logIn();
  const spare = new Map<string, string>();
  for (const person of Object.values(people)) spare.set(person.id, (await person.logIn()).refresh);
  const [theirs, malloryAndCarols, dansAndAlices, erinAndMallorys] = [
    await alice.conversationWith(bob),
    await mallory.conversationWith(carol),
    await dan.conversationWith(alice),
    await erin.conversationWith(mallory),
  ];
  const { body: message } = await bob.post(`/api/chat/conversations/${theirs}/messages/`, { content: "the first" });
  await dan.post(`/api/chat/conversations/${dansAndAlices}/messages/`, { content: "the last" });
  const said: World["said"] = new Map();
  for (const person of Object.values(people)) {
    const talks = new Map([
      [dan, dansAndAlices],
      [erin, erinAndMallorys],
      [alice, theirs],
      [bob, theirs],
    ]);
    const talk = talks.get(person) ?? malloryAndCarols;
    const say = async (path: string) =>
      String((await person.post(`/api/chat/${path}/messages/`, { content: "to be removed" })).body.id);
    const lists: [string[], string[]] = [[], []];
    for (let i = 0; i < 40; i++) lists[0].push(await say(`conversations/${talk}`));
    for (let i = 0; i < 20; i++) lists[1].push(await say("global"));
    said.set(person.id, { private: lists[0], global: lists[1] });
  }
  const [{ id: sessionId }] = (await rig.sql(`SELECT id FROM sessions WHERE user_id = '${bob.id}' LIMIT 1`)) as [
    { id: string },
  ];

  const sessions = new Map<string, string[]>();
  for (const { id } of Object.values(people)) {
    const added = await rig.sql(`
      INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
      SELECT gen_random_uuid(), '${id}', '', now(), now() + interval '1 day', gen_random_uuid() FROM generate_series(1, 50) RETURNING id`);
    sessions.set(id, (added as { id: string }[]).map((row) => row.id)); // prettier-ignore
  }
  await ended.post("/api/auth/logout/", { refresh: ended.refresh });
  await rig.sql(`UPDATE users SET role = 'admin' WHERE id = '${erin.id}'`);
  await rig.sql(`UPDATE users SET disabled_at = now() WHERE id = '${dan.id}'`);
  for (const gone of [ended, dan]) for (const i of [0, 1]) await refused(gone.at(rig.url(i)));
  return {
    rig,
    world: {
      people,
      ended,
      spare,
      sessions,
      theirs,
      malloryAndCarols,
      erinAndMallorys,
      dansAndAlices,
      message: message.id,
      said,
      sessionId,
    },
  };
}

/** A process has heard that a session is over: by the bus at once, else within three seconds. */
export const refused = (person: Person) =>
  eventually(async () => {
    const { status } = await person.get("/api/auth/users/");
    if (status !== 401) throw new Error(`still let in: ${status}`);
  }, 3_000);

/** All that anybody could have changed, as one digest. When somebody was last seen is nobody's act. */
export async function allThatIs(rig: Rig): Promise<string> {
  const table = (name: string, row = "t::text") =>
    `(SELECT md5(coalesce(string_agg(${row}, ',' ORDER BY ${row}), '')) FROM ${name} t)`;
  const [row] =
    await rig.sql(`SELECT ${["messages", "removals", "rooms", "heads", "members", "sessions", "audit_log", "password_resets"].map((name) => `${table(name)} AS ${name}`)},
    ${table("users", "(to_jsonb(t) - 'last_seen')::text")} AS users`);
  return JSON.stringify(row);
}

/** Opens a socket of an endpoint with a token in one of its places; a chat socket without a token is a stranger's. */
export function openSocket(
  url: string,
  endpoint: string,
  { query = "", headers, protocols }: { query?: string; headers?: Record<string, string>; protocols?: string[] },
): TestSocket {
  const path = endpoint === "chat" ? "/ws/chat/" : `/ws/chat/${endpoint}/`;
  return new TestSocket(url + path + query, {
    headers,
    ...(endpoint === "chat" && { protocols: ["liquidchat.v2"] }),
    ...(protocols && { protocols }),
  });
}

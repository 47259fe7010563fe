/** The table, cell by cell, over HTTP: every identity, every route, every kind of id; then every kind of bad token. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { type Answer, call, Person } from "../support/client.ts";
import { type Rig, SECRET } from "../support/server.ts";
import { haveServices, silent, tempDir } from "../support/services.ts";
import { ANSWERS } from "../support/shapes.ts";
import { IDS, type Ids } from "./ids.ts";
import { IDENTITIES, ROUTES, type Row, type Who, type World } from "./table.ts";
import { badTokens, PLACES } from "./tokens.ts";
import { allThatIs, makeWorld, METRICS_TOKEN } from "./world.ts";

const UNAUTHENTICATED = [401, "unauthenticated"];
const FORBIDDEN = [403, "forbidden"];
const rows = Object.entries(ROUTES);

test("every route of the running server has its row, and no row is of a route that is gone", async () => {
  const app = await startApp({
    config: readConfig({ DATA_DIR: await tempDir(), SECRET_KEY: SECRET, HOST: "127.0.0.1", PORT: "0", METRICS_TOKEN }),
    log: silent,
  });
  await app.stop();
  const routes = app.routes
    .filter((route) => !route.startsWith("OPTIONS"))
    .map((route) => route.replace(/\{.*?\}$|\{.*?\}(?=\/)/g, ""));
  expect([...new Set(routes)].sort()).toEqual(Object.keys(ROUTES).sort());
  expect(Object.keys(ANSWERS).sort()).toEqual(Object.keys(ROUTES).sort());
});

describe.skipIf(!haveServices)("who may do what, over HTTP and two processes", () => {
  let rig: Rig;
  let world: World;
  beforeAll(async () => {
    ({ rig, world } = await makeWorld());
  }, 60_000);
  afterAll(() => rig.stop());

  type Asked = {
    asks: Person;
    id: string;
    token?: string;
    query?: string;
    headers?: Record<string, string>;
    body?: unknown;
    process?: number;
  };
  const ask = (route: string, { asks, id, token, query = "", headers, body, process = 0 }: Asked): Promise<Answer> => {
    const [method, path] = route.split(" ") as [string, string];
    const sent = body ?? ROUTES[route]!.body?.(world, asks, id);
    return call(rig.url(process), method, path.replace(/:id\/messages\/:message_id|:\w+/, id) + query, {
      token,
      headers,
      body: sent,
    });
  };

  for (const [route, row] of rows) {
    for (const [who, { person, living, admin = false }] of Object.entries<Who>(IDENTITIES)) {
      test(`${route} by ${who}: ${expectation(row, who, living, admin)}`, async () => {
        const me = person(world);
        const asks = me ?? world.people.alice;
        const ids: Ids = row.takes ? IDS[row.takes] : { "no id": { id: () => "", fits: () => true } };
        const refusals: [kind: string, answer: string][] = [];
        const before = await allThatIs(rig);
        for (const right of [false, true]) {
          for (const [kind, { id, fits, malformed }] of Object.entries(ids)) {
            const may = mayAtAll(row, me !== null, living, admin);
            if ((may && fits(world, asks)) !== right) continue;
            for (const process of [0, 1]) {
              const answer = await ask(route, { asks, id: id(world, asks), token: me?.access, process });
              const cell = [kind, process, answer.status, answer.body.code];
              if (right) expect(cell.slice(0, 3)).toEqual([kind, process, row.right]);
              else
                expect(cell).toEqual([
                  kind,
                  process,
                  ...(may ? row.wrong! : row.may === "admins" && living ? FORBIDDEN : UNAUTHENTICATED),
                ]);
              if (!right && !(may && malformed && row.body && !route.includes(":")))
                refusals.push([kind, everythingOf(answer)]);
            }
          }
          // What was refused was not done, and what is foreign, absent and nonsense was refused alike, to the last header.
          if (!right) expect(await allThatIs(rig)).toBe(before);
        }
        for (const [kind, answer] of refusals) expect([kind, answer]).toEqual([kind, refusals[0]![1]]);
      });
    }

    if (row.takes === "conversation") {
      test(`${route}, asked for wrongly: a foreign conversation and an absent one still answer alike`, async () => {
        const before = await allThatIs(rig);
        for (const mistake of row.mistakes ?? []) {
          const answers = [];
          for (const id of [world.theirs, crypto.randomUUID(), world.dansAndAlices])
            answers.push(everythingOf(await ask(route, {
              asks: world.people.mallory, token: world.people.mallory.access, id,
              query: mistake.query?.(world), body: mistake.body?.(world),
            }))); // prettier-ignore
          expect(answers.slice(1)).toEqual([answers[0]!, answers[0]!]);
        }
        for (const headers of ODD_HEADERS) {
          const answers = [];
          for (const id of [world.theirs, crypto.randomUUID()])
            answers.push(everythingOf(await ask(route, {
              asks: world.people.mallory, token: world.people.mallory.access, id, headers,
            }))); // prettier-ignore
          expect(answers[1]).toBe(answers[0]!);
        }
        expect(await allThatIs(rig)).toBe(before);
      });
    }

    if (row.may === "anybody") continue;
    test(`${route} takes no token that is not a genuine one, in its one place`, async () => {
      const { bob } = world.people;
      const id =
        {
          person: world.people.alice.id,
          message: `${world.theirs}/messages/${world.message}`,
          publicMessage: "1",
        }[row.takes as string] ?? world.theirs;
      const before = await allThatIs(rig);
      const seen = new Map<string, string>();
      const refuse = async (kind: string, asked: Partial<Asked>) => {
        const answer = await ask(route, { asks: bob, id, ...asked });
        expect([kind, answer.status, answer.body.code]).toEqual([kind, ...UNAUTHENTICATED]);
        seen.set(kind, everythingOf(answer));
      };
      for (const [kind, token] of Object.entries(badTokens(bob)))
        await refuse(kind, { headers: inHeader(`Bearer ${token}`) });
      // Genuine, but where no token belongs.
      for (const [kind, headers] of Object.entries(misplaced(bob.access))) await refuse(kind, { headers });
      await refuse("the URL", PLACES.url(bob.access));
      for (const [kind, answer] of seen) expect([kind, answer]).toEqual([kind, seen.get("garbage")!]);
      expect(await allThatIs(rig)).toBe(before);
    });
  }

  test("a refresh token that is not a genuine one refreshes nothing, and one of somebody else ends nothing", async () => {
    const { alice, bob, mallory } = world.people;
    const before = await allThatIs(rig);
    const answers = [];
    for (const refresh of [
      ...Object.values(badTokens({ access: bob.refresh, refresh: bob.access })),
      world.ended.refresh,
      world.people.dan.refresh,
    ]) {
      const answer = await call(rig.url(), "POST", "/api/auth/token/refresh/", { body: { refresh } });
      expect([refresh, answer.status, answer.body.code]).toEqual([refresh, ...UNAUTHENTICATED]);
      answers.push(everythingOf(answer));
      const out = await mallory.post("/api/auth/logout/", { refresh: refresh === bob.access ? bob.refresh : refresh });
      expect([refresh, out.status, out.body.code]).toEqual([refresh, 400, "invalid_field"]);
    }
    expect(new Set(answers).size).toBe(1);
    expect(await allThatIs(rig)).toBe(before);
    for (const person of [alice, bob]) expect((await person.get("/api/auth/users/")).status).toBe(200);
  });

  test("nobody finds a name, an e-mail address or a conversation by searching for it, but a name", async () => {
    const { mallory, bob } = world.people;
    for (const search of ["mailbox", "@", world.theirs, "the first", bob.id])
      expect((await mallory.get(`/api/auth/users/?search=${encodeURIComponent(search)}`)).body.count).toBe(0);
    expect((await mallory.get("/api/auth/users/?search=bob")).body.count).toBe(1);
    expect((await mallory.get("/api/auth/users/?search=dan")).body.count).toBe(0);
  });
});

/** Each of them changes what is answered to an honest request. */
const ODD_HEADERS: Record<string, string>[] = [
  { "Content-Type": "text/plain" },
  { "If-None-Match": "*" },
  { Range: "bytes=0-9" },
  { "Idempotency-Key": "x".repeat(65) },
];

/** A genuine token, where none belongs. */
const misplaced = (token: string): Record<string, Record<string, string>> => ({
  "no scheme": inHeader(token),
  "another scheme": inHeader(`Basic ${token}`),
  "two tokens": inHeader(`Bearer ${token} ${token}`),
  "two headers in one": inHeader(`Bearer ${token}, Bearer ${token}`),
  "a cookie": { Cookie: `access=${token}` },
  "a header of one's own": { "X-Access-Token": token },
  "the proxy's header": { "Proxy-Authorization": `Bearer ${token}` },
  "a subprotocol": { "Sec-WebSocket-Protocol": `liquidchat.v2, bearer.${token}` },
});
const inHeader = (value: string) => ({ Authorization: value });

function mayAtAll({ may }: Row, hasToken: boolean, living: boolean, admin: boolean): boolean {
  if (may === "admins") return admin;
  return may === "anybody" || (may === "tokens" ? hasToken : living);
}

function expectation(row: Row, who: string, living: boolean, admin: boolean): string {
  if (!mayAtAll(row, who !== "nobody", living, admin)) return "no";
  return row.takes ? `yes, for a ${row.takes} of theirs` : "yes";
}

/** Status, headers and body, but for what is new in every answer. */
function everythingOf({ status, headers, body }: Answer): string {
  const { date: _, "x-request-id": __, ...others } = Object.fromEntries(headers);
  return JSON.stringify([status, others, body]);
}

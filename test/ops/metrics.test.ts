/** Figures for Prometheus: who may read them, that they count what happened, and that the dashboard and the alerts speak of figures that exist. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readConfig } from "../../src/config.ts";
import { call, Person } from "../support/client.ts";
import { clusterRig, embeddedRig, type Rig } from "../support/server.ts";
import { eventually, freePort, haveServices, tempDir } from "../support/services.ts";

const METRICS_TOKEN = "a-token-of-the-operators";
const DEPLOY = join(import.meta.dir, "../../deploy");

/** By name and labels, as they stand in the text. */
async function figuresOf(url: string, token?: string): Promise<Map<string, number>> {
  const { status, body, headers } = await call(url, "GET", "/metrics", { token });
  expect([status, headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const lines = (body as string).split("\n").filter((line) => line && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

describe("on the main port, with a token", () => {
  let rig: Rig;
  let ada: Person;
  let grace: Person;
  beforeAll(async () => {
    rig = await embeddedRig({ METRICS_TOKEN, MESSAGE_MAX_LENGTH: "100" });
    [ada, grace] = await Promise.all([Person.signUp(rig.url(), "ada"), Person.signUp(rig.url(), "grace")]);
  }, 60_000);
  afterAll(() => rig.stop());
  const figures = () => figuresOf(rig.url(), METRICS_TOKEN);

  test("without the token, with a wrong one and with a user's nobody reads them", async () => {
    for (const token of [undefined, "a-token-of-the-operator", `${METRICS_TOKEN}s`, ada.access]) {
      const { status, body, headers } = await call(rig.url(), "GET", "/metrics", { token });
      expect([status, body.code, headers.get("www-authenticate")]).toEqual([401, "unauthenticated", "Bearer"]);
      expect(JSON.stringify(body)).not.toContain("liquidchat_");
    }
  });

  test("what happened is counted once, where it happened; with no name, id or text of anybody's", async () => {
    const before = await figures();
    const room = await ada.conversationWith(grace);
    const [one, two] = [await ada.chat(), await grace.chat()];
    const older = await grace.socket("global");
    await one.post("global", "hello", "the-same-id");
    await one.post("global", "hello", "the-same-id");
    await one.post(room, "only for you");
    await two.next((frame) => frame.type === "message" && frame.stream === room);
    await older.next("global_message");
    expect((await one.post("global", "x".repeat(101))).code).toBe("too_long");
    expect((await ada.get(`/api/chat/conversations/${crypto.randomUUID()}/`)).status).toBe(404);
    expect((await ada.get("/api/nothing-there/")).status).toBe(404);
    await call(rig.url(), "POST", "/api/auth/login/", { body: { username: "ada", password: "wrong" } });
    const sockets = await figures();
    await Promise.all([ada.closeAll(), grace.closeAll()]);
    await eventually(async () => expect((await figures()).get('liquidchat_sockets{endpoint="chat"}')).toBe(0));
    const after = await figures();
    const grown = (name: string) => (after.get(`liquidchat_${name}`) ?? 0) - (before.get(`liquidchat_${name}`) ?? 0);
    expect({
      global: grown('messages_total{room="global"}'),
      direct: grown('messages_total{room="direct"}'),
      repeats: grown("repeats_total"),
      commits: grown("commit_seconds_count"),
      delivered: grown("delivery_seconds_count"),
      older: grown('deliveries_total{endpoint="global"}') > 0,
      fresh: grown('resumes_total{kind="fresh"}'),
      tooLong: grown('refusals_total{over="socket",code="too_long"}'),
      notFound: grown('refusals_total{over="http",code="not_found"}'),
      wrong: grown('account_events_total{event="login_failed"}'),
      closed: grown('socket_closes_total{code="1000"}') + grown('socket_closes_total{code="1005"}'),
      route: grown('http_request_seconds_count{method="GET",route="/api/chat/conversations/:id",status="4xx"}'),
      none: grown('http_request_seconds_count{method="any",route="none",status="4xx"}'),
    }).toEqual({ global: 1, direct: 1, repeats: 1, commits: 3, delivered: 2, older: true, fresh: 2, tooLong: 1, notFound: 2, wrong: 1, closed: 3, route: 1, none: 1 }); // prettier-ignore
    expect(sockets.get('liquidchat_sockets{endpoint="chat"}')).toBe(2);
    expect(sockets.get('liquidchat_sockets{endpoint="global"}')).toBe(1);
    expect(sockets.get("liquidchat_users_online")).toBe(2);
    const names = [...after.keys()].join("\n");
    for (const secret of ["ada", "grace", ada.id, room, "nothing-there", "the-same-id"])
      expect(names).not.toContain(secret);
    expect(after.size).toBeLessThan(700);
  });

  test("the dashboard and the alerts speak of figures that there are, and of labels that those have", async () => {
    const there = await figures();
    const names = new Set([...there.keys()].map((name) => name.replace(/\{.*/, "")));
    const dashboard = await Bun.file(join(DEPLOY, "grafana.json")).json();
    const expressions: string[] = [
      ...dashboard.panels.flatMap((panel: { targets: { expr: string }[] }) => panel.targets.map(({ expr }) => expr)),
      ...[...(await Bun.file(join(DEPLOY, "alerts.yml")).text()).matchAll(/expr: (.*)/g)].map(([, expr]) => expr!),
    ];
    expect(expressions.length).toBeGreaterThan(30);
    const spoken = new Set<string>();
    for (const expr of expressions)
      for (const [name] of expr.matchAll(/\b(liquidchat|process|nodejs)_\w+/g)) {
        spoken.add(name);
        expect([expr, names.has(name)]).toEqual([expr, true]);
        for (const [, label, value] of expr.matchAll(/[{,](\w+)="([^"$]+)"/g))
          if (label !== "job")
            expect([expr, [...there.keys()].some((key) => key.startsWith(`${name}{`) && key.includes(`${label}="${value}"`))]).toEqual([expr, true]); // prettier-ignore
      }
    // And nothing of ours is left out.
    const ours = [...names].filter((name) => name.startsWith("liquidchat_"));
    const unspoken = ours.filter((name) => !spoken.has(name) && !/_(sum|count|bucket)$/.test(name));
    expect(unspoken).toEqual([]);
  });
});

test("on a port of its own nothing else is there, and the main one has no figures", async () => {
  const port = await freePort();
  const rig = await embeddedRig({ METRICS_PORT: String(port) });
  const apart = `http://127.0.0.1:${port}`;
  expect((await fetch(`${apart}/metrics`)).status).toBe(200);
  for (const path of ["/", "/healthz", "/api/auth/me/"]) expect((await fetch(apart + path)).status).toBe(404);
  expect((await call(rig.url(), "GET", "/metrics")).status).toBe(404);
  await rig.stop();
  const guarded = await embeddedRig({ METRICS_PORT: String(port), METRICS_TOKEN });
  expect((await fetch(`${apart}/metrics`)).status).toBe(401);
  const authorized = await fetch(`${apart}/metrics`, { headers: { Authorization: `Bearer ${METRICS_TOKEN}` } });
  expect([authorized.status, (await authorized.text()).startsWith("# HELP")]).toEqual([200, true]);
  expect((await call(guarded.url(), "GET", "/metrics", { token: METRICS_TOKEN })).status).toBe(404);
  await guarded.stop();
});

test("nobody has figures who did not ask for them", async () => {
  const rig = await embeddedRig();
  for (const token of [undefined, "x".repeat(32)])
    expect((await call(rig.url(), "GET", "/metrics", { token })).status).toBe(404);
  await rig.stop();
});

test.skipIf(!haveServices)(
  "each of several workers answers for itself, on the port and those above it",
  async () => {
    const port = await freePort(3);
    const rig = await clusterRig({ METRICS_PORT: String(port), WORKERS: "2", PORT: String(port + 2) }, 1);
    const starts = await eventually(async () => {
      const texts = await Promise.all(
        [0, 1].map(async (i) => (await fetch(`http://127.0.0.1:${port + i}/metrics`)).text()),
      );
      return texts.map((text) => /^process_open_fds .*$/m.test(text) && /^liquidchat_info/m.test(text));
    }, 10_000);
    expect(starts).toEqual([true, true]);
    await rig.stop();
  },
  60_000,
);

test("a token that is short is refused at the start, and one alone with several workers, whose figures it could not tell apart", async () => {
  const env = { DATA_DIR: await tempDir() };
  expect(() => readConfig({ ...env, METRICS_TOKEN: "short" })).toThrow("METRICS_TOKEN");
  const several = { ...env, WORKERS: "2", DATABASE_URL: "postgres://x/y", REDIS_URL: "redis://x", PORT: "80", SECRET_KEY: "k3Jx9vQ2mW8rT5yB7nZ4cL6hD1fG0sPa" }; // prettier-ignore
  expect(() => readConfig({ ...several, METRICS_TOKEN })).toThrow("METRICS_PORT");
  expect(readConfig({ ...several, METRICS_TOKEN, METRICS_PORT: "9100" }).metrics.port).toBe(9100);
});

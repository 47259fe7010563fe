import { expect } from "bun:test";
import { asyncapi } from "../../src/protocol/asyncapi.ts";
import { openapi } from "../../src/protocol/openapi.ts";
import { call, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { clusterRig, embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";

export const programs: PromiseSuite = (promised, rig) => {
  const another = (env: Record<string, string>): Promise<Rig> =>
    rig().name === "embedded" ? embeddedRig(env) : clusterRig(env);

  // That they are valid, and that all that is said fits them: test/protocol/documents.test.ts, test/support/documents.ts.
  promised([210], "the documents are served to everyone, and are those that all tests are held against", async () => {
    const { version } = await Bun.file(new URL("../../package.json", import.meta.url)).json();
    const [http, sockets] = await Promise.all(
      ["/api/openapi.json", "/api/asyncapi.json/"].map((path) => call(rig().url(), "GET", path)),
    );
    expect([http!.status, http!.body]).toEqual([200, JSON.parse(JSON.stringify(openapi(version)))]);
    const { host } = new URL(rig().url());
    expect([sockets!.status, sockets!.body]).toEqual([200, JSON.parse(JSON.stringify(asyncapi(version, host)))]);
    expect(Object.keys(sockets!.body.channels)).toEqual(["chat", "global", "private"]);
  });

  promised([211], "the page of the API is served under the policy of pages, with what it loads beside it", async () => {
    const page = await call(rig().url(), "GET", "/api/docs/");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string);
    expect(loaded.map((url) => url.split("?")[0]).sort()).toEqual([
      "/api/docs/page.css",
      "/api/docs/page.js",
      "/icon.svg",
    ]);
    for (const url of loaded) {
      const { status, headers } = await call(rig().url(), "GET", url);
      expect([url, status, headers.get("cache-control")]).toEqual([url, 200, expect.stringContaining("max-age")]);
    }
  });

  promised(
    [212, 213],
    "a request keeps the id and the trace that it came with, into the log; what is malformed does not get there",
    async () => {
      const ada = await Person.signUp(rig().url());
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
      const ask = (headers: Record<string, string>) =>
        call(rig().url(), "POST", "/api/auth/login/", { body: { username: ada.name, password: "wrong" }, headers });
      const id = `from-a-proxy-${crypto.randomUUID().slice(0, 8)}`;
      const kept = await ask({ "X-Request-Id": id, traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
      expect([kept.status, kept.headers.get("x-request-id")]).toEqual([401, id]);
      const [, spanId] = new RegExp(`^00-${traceId}-([0-9a-f]{16})-01$`).exec(kept.headers.get("traceresponse")!)!;
      expect(spanId).not.toBe("00f067aa0ba902b7");
      const lines = await eventually(() => {
        const all = rig().servers.flatMap((server) => server.output().split("\n"));
        const found = all.filter((line) => line.includes(id)).map((line) => JSON.parse(line));
        expect(found.map(({ event, msg }) => event ?? msg).sort()).toEqual(["login_failed", "request"]);
        return found;
      });
      for (const line of lines) expect([line.id, line.trace_id, line.span_id]).toEqual([id, traceId, spanId]);

      const own = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
      for (const bad of ["short", "a".repeat(65), "with spaces in it", 'quoted"quoted"', `${ada.access}`]) {
        const { headers } = await ask({ "X-Request-Id": bad });
        expect([bad, headers.get("x-request-id")]).toEqual([bad, expect.stringMatching(own)]);
      }
      for (const bad of [
        traceId,
        `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
        `00-${traceId}-${"0".repeat(16)}-01`,
        `ff-${traceId}-00f067aa0ba902b7-01`,
        `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
        `00-${traceId}-00f067aa0ba902b7-01-more`,
      ]) {
        const { headers } = await ask({ traceparent: bad });
        expect([bad, headers.get("traceresponse")]).toEqual([bad, null]);
      }
      expect((await ask({ traceparent: `cc-${traceId}-00f067aa0ba902b7-00-more` })).headers.get("traceresponse")).toStartWith(`00-${traceId}-`); // prettier-ignore
    },
  );

  promised(
    [214],
    "figures are for who brings the operator's token, and where there is none there are no figures",
    async () => {
      const { access } = await Person.signUp(rig().url());
      for (const token of [undefined, access])
        expect((await call(rig().url(), "GET", "/metrics", { token })).status).toBe(404);
      const token = "a-token-of-the-operators";
      const other = await another({ METRICS_TOKEN: token });
      expect((await call(other.url(), "GET", "/metrics")).status).toBe(401);
      expect((await call(other.url(), "GET", "/metrics", { token: access })).status).toBe(401);
      const { status, body } = await call(other.url(), "GET", "/metrics", { token });
      expect([status, body]).toEqual([200, expect.stringContaining("liquidchat_messages_total")]);
      await other.stop();
    },
  );
};

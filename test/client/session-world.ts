/** Sessions over a server that answers as it is told. */
import { createHttp } from "../../src/client/http.ts";
import type { Fetch } from "../../src/client/ports.ts";
import { createRest } from "../../src/client/rest.ts";
import { createSession } from "../../src/client/session.ts";
import { memoryStorage } from "../../src/client/storage.ts";
import { SimulatedClock } from "../simulation/clock.ts";

export const USER = { id: "alice", username: "Alice", is_online: false, created_at: "", last_seen: null };
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | "no network";

/** A token of 15 minutes from a server whose clock is an hour off. */
export const token = (name: string) => `${name}.${btoa(JSON.stringify({ iat: 3_600, exp: 3_600 + 900 }))}.x`;
export const refusal = (status: number, code: string) => ({ status, body: { code, detail: `${code}.`, errors: [] } });

export function world(storage = memoryStorage(), clock = new SimulatedClock(), cookie = false) {
  const calls: { path: string; body: any; token: string | undefined; cookie: string | undefined }[] = [];
  const signedOut: string[] = [];
  let n = 0;
  const self = {
    clock,
    storage,
    calls,
    signedOut,
    /** What the server answers, by the end of the path; else it is in a good mood. */
    answers: {} as Record<string, (body: any) => Answer | undefined | Promise<Answer | undefined>>,
    count: (path: string) => calls.filter((call) => call.path.endsWith(path)).length,
  };
  const fetch: Fetch = async (url, { body, headers, signal }) => {
    const path = url.slice("http://server".length);
    const call = {
      path,
      body: body && JSON.parse(body),
      token: headers.Authorization?.slice("Bearer ".length),
      cookie: headers["X-Session"],
    };
    calls.push(call);
    const tokens = { access: token(`access${++n}`), refresh: `refresh${n}` };
    const good = { status: 200, body: /login|signup/.test(path) ? { user: USER, ...tokens } : tokens };
    const key = Object.keys(self.answers).find((key) => path.includes(key));
    const answer = (await (key && self.answers[key]!(call.body))) || good;
    if (answer === "no network" || signal.aborted) throw new TypeError("fetch failed");
    return {
      status: answer.status,
      headers: { get: (name) => (answer as { headers?: Record<string, string> }).headers?.[name] ?? null },
      json: async () => {
        if (answer.body === undefined) throw new SyntaxError("no JSON");
        return answer.body;
      },
    };
  };
  const http = createHttp("http://server", { fetch, clock });
  const session = createSession({ http, storage, clock, cookie, signedOut: (reason) => signedOut.push(reason) });
  return Object.assign(self, { session, rest: createRest(http, session) });
}

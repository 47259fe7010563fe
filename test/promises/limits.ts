import { expect } from "bun:test";
import { call, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { clusterRig, embeddedRig, type Rig } from "../support/server.ts";

export const limits: PromiseSuite = (promised, rig) => {
  const another = (env: Record<string, string>): Promise<Rig> =>
    rig().name === "embedded" ? embeddedRig(env) : clusterRig(env);

  promised(
    [72],
    "a user's messages are limited over all sockets and processes, and a refusal says how long to wait",
    async () => {
      const other = await another({ MESSAGE_RATE_LIMIT: "2", MESSAGE_RATE_BURST: "4" });
      const alice = await Person.signUp(other.url());
      const bob = await Person.signUp(other.url());
      const pair = [await alice.socket("global"), await alice.at(other.url(1)).socket("global")];
      for (let i = 0; i < 4; i++) await pair[i % 2]!.say({ content: `fine ${i}` });
      pair[1]!.send({ type: "send_global_message", content: "too much", client_id: "retry-me" });
      const refusal = await pair[1]!.next("error");
      expect(refusal).toMatchObject({ code: "rate_limited", client_id: "retry-me" });
      expect(refusal.retry_after_ms).toBeGreaterThan(0);
      expect(refusal.retry_after_ms).toBeLessThanOrEqual(500);
      const b = await bob.socket("global");
      await b.say({ content: "others are not held up" });
      await Bun.sleep(refusal.retry_after_ms + 20);
      const sent = await pair[0]!.say({ content: "later", client_id: "retry-me" });
      // A repeat gives its token back: ten of them leave room for the next message.
      await Bun.sleep(600);
      for (let i = 0; i < 10; i++)
        expect((await pair[0]!.say({ content: "later", client_id: "retry-me" })).id).toBe(sent.id);
      await pair[0]!.say({ content: "and one more" });
      expect((await alice.get("/api/chat/global/messages/")).body.map((m: { content: string }) => m.content)).toEqual([
        "fine 0",
        "fine 1",
        "fine 2",
        "fine 3",
        "others are not held up",
        "later",
        "and one more",
      ]);
      await other.stop();
    },
  );

  promised(
    [73, 75, 76],
    "one socket too many is closed with 4009, and a server that stops closes them all with 4012",
    async () => {
      const other = await another({ MAX_SOCKETS_PER_USER: "3" });
      const alice = await Person.signUp(other.url());
      const three = [
        await alice.socket("global"),
        await alice.socket("private"),
        await alice.at(other.url(1)).socket("global"),
      ];
      await Bun.sleep(200);
      const fourth = await alice.at(other.url(1)).socket("global");
      expect((await fourth.closed).code).toBe(4009);
      await three[0]!.close();
      await Bun.sleep(200);
      const again = await alice.socket("global");
      await again.settled();
      await other.stop();
      for (const socket of [three[1]!, three[2]!, again]) expect((await socket.closed).code).toBe(4012);
    },
  );

  promised(
    [175],
    "a user can neither read without end nor put conversations into everybody's list; others do not notice",
    async () => {
      const other = await another({ REQUEST_RATE_LIMIT: "6", CONVERSATION_RATE_LIMIT: "2" });
      const [mallory, ...people] = (await Promise.all(Array.from({ length: 5 }, () => Person.signUp(other.url())))) as [
        Person,
        ...Person[],
      ];
      const begin = (person: Person) => mallory.post("/api/chat/conversations/create/", { user_id: person.id });
      expect([(await begin(people[0]!)).status, (await begin(people[1]!)).status]).toEqual([200, 200]);
      const refused = await begin(people[2]!);
      expect([refused.status, refused.body.code]).toEqual([429, "rate_limited"]);
      expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(20);
      expect((await begin(people[0]!)).status).toBe(200);
      expect((await people[2]!.get("/api/chat/conversations/")).body.count).toBe(0);
      const asked = [await mallory.get("/api/auth/users/"), await mallory.get("/api/auth/users/"), await mallory.get("/api/auth/users/")]; // prettier-ignore
      expect(asked.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect((await people[3]!.get("/api/auth/users/")).status).toBe(200);
      // Nobody is kept from talking, from ending a session, or from leaving.
      expect((await mallory.get("/api/auth/sessions/")).status).toBe(200);
      await (await mallory.socket("global")).say({ content: "still here" });
      expect((await mallory.post("/api/auth/logout/", { refresh: mallory.refresh })).status).toBe(200);
      await other.stop();
    },
  );

  promised(
    [13],
    "sign-up, log-in and connecting are limited by address, wrong passwords by account and address",
    async () => {
      const other = await another({
        SIGNUP_RATE_LIMIT: "3",
        LOGIN_RATE_LIMIT: "30",
        CONNECT_RATE_LIMIT: "5",
        TRUSTED_PROXIES: "127.0.0.1",
      });
      const from = (address: string) => ({ "X-Forwarded-For": `6.6.6.6, ${address}` });
      const signUp = (i: number, name: string, address = "192.0.2.1") =>
        call(other.url(i), "POST", "/api/auth/signup/", {
          body: { username: name, password: "plum-orbit-4417", password_confirm: "plum-orbit-4417" },
          headers: from(address),
        });
      const statuses = [];
      for (let i = 0; i < 4; i++) statuses.push((await signUp(i, `limited${i}`)).status);
      expect(statuses).toEqual([201, 201, 201, 429]);
      const { headers, body } = await signUp(0, "limited9");
      expect([body.code, Number(headers.get("retry-after")) > 0]).toEqual(["rate_limited", true]);
      const elsewhere = await signUp(0, "elsewhere", "192.0.2.2");
      expect(elsewhere.status).toBe(201);

      const logIn = async (i: number, username: string, password: string, address: string) =>
        (await call(other.url(i), "POST", "/api/auth/login/", { body: { username, password }, headers: from(address) }))
          .status;
      for (let i = 0; i < 5; i++) expect(await logIn(i, "limited0", "wrong-password", "192.0.2.3")).toBe(401);
      expect(await logIn(1, "LIMITED0", "plum-orbit-4417", "192.0.2.3")).toBe(429);
      expect(await logIn(0, "limited1", "plum-orbit-4417", "192.0.2.3")).toBe(200);
      expect(await logIn(0, "limited0", "plum-orbit-4417", "192.0.2.4")).toBe(200);

      const knock = (token: string, address: string, i = 0) =>
        new TestSocket(`${other.url(i)}/ws/chat/global/?token=${token}`, { headers: from(address) });
      for (let i = 0; i < 5; i++) expect((await knock("bad", "192.0.2.5", i).closed).code).toBe(4001);
      await expect(knock("bad", "192.0.2.5").opened).rejects.toThrow();
      for (let i = 0; i < 5; i++) await knock(elsewhere.body.access, "192.0.2.5", i).opened;
      await expect(knock(elsewhere.body.access, "192.0.2.5").opened).rejects.toThrow();
      await other.stop();
    },
  );
};

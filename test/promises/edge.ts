import { expect } from "bun:test";
import { call, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { frame, OPCODE, RawSocket, RawWebSocket } from "../support/raw.ts";
import { clusterRig, embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";

export const edge: PromiseSuite = (promised, rig) => {
  const another = (env: Record<string, string>): Promise<Rig> =>
    rig().name === "embedded" ? embeddedRig(env) : clusterRig(env);

  promised([135], "a compressed body is refused, and so is one that takes too long to arrive", async () => {
    const packed = await call(rig().url(), "POST", "/api/auth/login/", {
      body: Bun.gzipSync(new TextEncoder().encode("{}")),
      headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
    });
    expect([packed.status, packed.body.code]).toEqual([415, "unsupported_media_type"]);
    const slow = new RawSocket(rig().url());
    slow.write(
      "POST /api/auth/login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 250000\r\n\r\n{",
    );
    const openFor = await slow.drip(" ".repeat(5_000), 500, 25_000);
    expect(slow.statuses).toEqual([400]);
    expect(openFor).toBeGreaterThan(14_000);
    expect(openFor).toBeLessThan(17_000);
  });

  promised([136], "every answer says what a browser may not do with it, and none asks for cookies", async () => {
    const alice = await Person.signUp(rig().url());
    for (const path of ["/", "/healthz", "/api/auth/users/", "/api/chat/global/messages/", "/api/nowhere/"]) {
      const { headers } = await call(rig().url(), "GET", path, {
        token: alice.access,
        headers: { Origin: "https://evil.example", "X-Forwarded-Proto": "https" },
      });
      expect(Object.fromEntries(headers)).toMatchObject({
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
      });
      for (const absent of [
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "strict-transport-security",
      ])
        // prettier-ignore
        expect([path, absent, headers.get(absent)]).toEqual([path, absent, null]);
    }
    const other = await embeddedRig({ TRUSTED_PROXIES: "127.0.0.1" });
    const { headers } = await call(other.url(), "GET", "/", { headers: { "X-Forwarded-Proto": "https" } });
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d+$/);
    await other.stop();
  });

  promised([137], "too many sockets of an address, or of a process, are refused before there is a socket", async () => {
    const other = await another({ MAX_SOCKETS: "4", MAX_SOCKETS_PER_ADDRESS: "3", TRUSTED_PROXIES: "127.0.0.1" });
    const alice = await Person.signUp(other.url());
    const knock = (address: string) =>
      RawWebSocket.open(other.url(), `/ws/chat/global/?token=${alice.access}`, { "X-Forwarded-For": address });
    const sockets = [];
    for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"])
      sockets.push(await knock(address));
    expect(sockets.map(({ statuses }) => statuses[0])).toEqual([101, 101, 101, 429, 101, 503]);
    for (const i of [3, 5]) expect(sockets[i]!.head).toMatch(/retry-after: 10\b/i);
    for (const i of [0, 1, 2, 4]) expect(sockets[i]!.code).toBeUndefined();
    // Each process counts its own.
    if (other.servers.length > 1) await alice.at(other.url(1)).socket("global");
    for (const socket of sockets) socket.drop();
    await eventually(async () => {
      const again = await knock("192.0.2.1");
      expect(again.statuses).toEqual([101]);
    });
    await other.stop();
  });

  promised([138, 139], "who goes on with what is refused is closed, and nothing is compressed", async () => {
    const other = await another({ MESSAGE_RATE_LIMIT: "1" });
    const alice = await Person.signUp(other.url());
    for (const one of [frame(OPCODE.text, '{"type":"typing_start"}'), frame(OPCODE.ping, "x")]) {
      const socket = await RawWebSocket.open(other.url(), `/ws/chat/private/?token=${alice.access}`, {
        "Sec-WebSocket-Extensions": "permessage-deflate",
      });
      expect(socket.head).toMatch(/101/);
      expect(socket.head).not.toMatch(/extensions/i);
      socket.write(Buffer.concat(Array.from({ length: 900 }, () => one)));
      await Bun.sleep(300);
      expect(socket.code).toBeUndefined();
      socket.write(Buffer.concat(Array.from({ length: 900 }, () => one)));
      await eventually(() => expect(socket.code).toBe(4009));
    }
    await other.stop();
  });

  promised([140], "who waits longest to say who they are makes room", async () => {
    const other = await another({ MAX_UNAUTHENTICATED_SOCKETS: "2" });
    const alice = await Person.signUp(other.url());
    const strangers: TestSocket[] = [];
    for (let i = 0; i < 3; i++) {
      strangers.push(new TestSocket(`${other.url()}/ws/chat/`, { protocols: ["liquidchat.v2"] }));
      await strangers[i]!.opened;
    }
    expect((await strangers[0]!.closed).code).toBe(4009);
    for (const stranger of strangers.slice(1)) {
      stranger.send({ type: "auth", token: alice.access });
      await stranger.next("hello");
    }
    await Promise.all(strangers.slice(1).map((stranger) => stranger.close()));
    await other.stop();
  });
};

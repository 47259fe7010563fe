/** The presence core under a clock that is turned by hand and a bus that loses, doubles and reorders. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  beat,
  echoed,
  newPresence,
  type PresenceEffect,
  type PresenceMessage,
  type PresenceState,
  receive,
  setLocal,
  tick,
} from "../../src/presence/presence.ts";

const TIMES = { graceMs: 5_000, expiryMs: 60_000, beatMs: 5_000 };
type Changed = Extract<PresenceEffect, { kind: "changed" }>;

/** Some processes over one bus; each keeps what its clients were told. */
class World {
  now = 0;
  told = new Map<string, [user: string, status: string][]>();
  nodes = new Map<string, PresenceState>();
  inFlight: { to: string; message: PresenceMessage }[] = [];
  lastBeat = 0;
  constructor(...ids: string[]) {
    for (const id of ids) this.start(id);
  }
  start(id: string): void {
    this.nodes.set(id, newPresence(id, TIMES, this.now));
    this.told.set(id, []);
    this.send(id, { t: "ask", node: null });
    this.settle();
  }
  apply(id: string, effects: PresenceEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "send") this.send(id, effect.message);
      else this.told.get(id)!.push([effect.user, (effect as Changed).status]);
    }
  }
  send(from: string, message: PresenceMessage): void {
    for (const to of this.nodes.keys()) if (to !== from) this.inFlight.push({ to, message });
  }
  settle(): void {
    for (let next = this.inFlight.shift(); next; next = this.inFlight.shift()) this.deliver(next);
  }
  deliver({ to, message }: { to: string; message: PresenceMessage }): void {
    const node = this.nodes.get(to);
    if (node) this.apply(to, receive(node, message, this.now));
  }
  set(id: string, user: string, sockets: number): void {
    this.apply(id, setLocal(this.nodes.get(id)!, user, user, sockets, this.now));
    this.settle();
  }
  /** Time goes by, a quarter of a second at a time; beats every five. */
  pass(ms: number, { bus = true } = {}): void {
    for (const until = this.now + ms; this.now < until; this.now += 250) {
      for (const [id, node] of this.nodes) {
        if (this.now % TIMES.beatMs === 0 && bus) {
          this.apply(id, [beat(node)]);
          echoed(node, this.now);
        }
        this.apply(id, tick(node, this.now));
      }
      this.settle();
    }
  }
  statuses(id: string, user: string): string[] {
    return this.told
      .get(id)!
      .filter(([who]) => who === user)
      .map(([, status]) => status);
  }
}

test("one of two tabs closes: nothing; both: offline once, after the grace; a reload within it: nothing", () => {
  const world = new World("p1");
  world.set("p1", "alice", 1);
  world.set("p1", "alice", 2);
  world.set("p1", "alice", 1);
  world.pass(20_000);
  expect(world.statuses("p1", "alice")).toEqual(["online"]);
  world.set("p1", "alice", 0);
  world.pass(4_000);
  world.set("p1", "alice", 1);
  world.pass(20_000);
  expect(world.statuses("p1", "alice")).toEqual(["online"]);
  world.set("p1", "alice", 0);
  world.pass(4_750);
  expect(world.statuses("p1", "alice")).toEqual(["online"]);
  world.pass(20_000);
  expect(world.statuses("p1", "alice")).toEqual(["online", "offline"]);
});

test("who idles for ten minutes is online", () => {
  const world = new World("p1", "p2");
  world.set("p1", "alice", 1);
  world.pass(600_000);
  for (const id of ["p1", "p2"]) expect(world.statuses(id, "alice")).toEqual(["online"]);
});

test("a move from one process to another is not seen", () => {
  const world = new World("p1", "p2", "p3");
  world.set("p1", "alice", 1);
  world.set("p1", "alice", 0);
  world.pass(3_000);
  world.set("p2", "alice", 1);
  world.pass(30_000);
  for (const id of ["p1", "p2", "p3"]) expect(world.statuses(id, "alice")).toEqual(["online"]);
});

test("a killed process: its users are offline once, within the expiry", () => {
  const world = new World("p1", "p2");
  world.set("p1", "alice", 1);
  world.nodes.delete("p1");
  world.pass(TIMES.expiryMs - 6_000);
  expect(world.statuses("p2", "alice")).toEqual(["online"]);
  world.pass(7_000);
  expect(world.statuses("p2", "alice")).toEqual(["online", "offline"]);
  world.pass(200_000);
  expect(world.statuses("p2", "alice")).toEqual(["online", "offline"]);
});

test("a process that hears nothing, not even itself, takes nobody for gone; when hearing returns, silence counts anew", () => {
  const world = new World("p1", "p2");
  world.set("p1", "alice", 1);
  world.pass(300_000, { bus: false });
  world.pass(120_000);
  expect(world.statuses("p2", "alice")).toEqual(["online"]);
});

test("who joins late knows everyone, and an orderly leave gives its users time", () => {
  const world = new World("p1");
  world.set("p1", "alice", 1);
  world.start("p2");
  expect(world.statuses("p2", "alice")).toEqual(["online"]);
  world.send("p1", { t: "bye", node: "p1", spreadMs: 5_000 });
  world.settle();
  world.nodes.delete("p1");
  world.pass(9_000);
  world.set("p2", "alice", 1);
  world.pass(100_000);
  expect(world.statuses("p2", "alice")).toEqual(["online"]);
});

test("what a process sent before its good-bye and arrives after it does not bring it back", () => {
  const world = new World("p1", "p2");
  world.set("p1", "alice", 1);
  world.send("p1", { t: "bye", node: "p1", spreadMs: 0 });
  world.send("p1", { t: "set", node: "p1", v: 2, user: "alice", username: "alice", sockets: 2 });
  world.send("p1", { t: "map", node: "p1", v: 3, users: [["alice", "alice", 1]] });
  world.settle();
  world.nodes.delete("p1");
  world.pass(10_000);
  expect(world.statuses("p2", "alice")).toEqual(["online", "offline"]);
});

test("whoever is behind asks for one map, not for one at every change", () => {
  const world = new World("p1", "p2", "p3");
  world.set("p1", "alice", 1);
  world.pass(1_000);
  world.apply("p1", setLocal(world.nodes.get("p1")!, "lost", "lost", 1, world.now));
  world.inFlight = [];
  const kinds: string[] = [];
  const send = world.send.bind(world);
  world.send = (from, message) => {
    kinds.push(message.t);
    send(from, message);
  };
  for (let i = 0; i < 100; i++)
    world.apply("p1", setLocal(world.nodes.get("p1")!, `user${i}`, `user${i}`, 1, world.now));
  world.settle();
  expect([kinds.filter((t) => t === "ask").length, kinds.filter((t) => t === "map").length]).toEqual([2, 1]);
  for (const id of ["p2", "p3"]) expect(world.nodes.get(id)!.shown.size).toBe(102);
});

test("a map that is older than what is known changes nothing", () => {
  const world = new World("p1", "p2");
  world.set("p1", "alice", 1);
  world.set("p1", "alice", 0);
  world.set("p1", "alice", 1);
  world.send("p1", { t: "map", node: "p1", v: 2, users: [] });
  world.settle();
  world.pass(20_000);
  expect(world.statuses("p2", "alice")).toEqual(["online"]);
});

test("whatever the bus loses, doubles or reorders, all processes agree in the end, and each change is told once", () => {
  const step = fc.record({
    node: fc.constantFrom("p1", "p2", "p3"),
    user: fc.constantFrom("alice", "bob"),
    sockets: fc.nat(2),
    fate: fc.constantFrom("fine", "lost", "doubled", "late"),
    wait: fc.nat(8_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World("p1", "p2", "p3");
      const truth = new Map<string, number>();
      for (const { node, user, sockets, fate, wait } of steps) {
        truth.set(`${node} ${user}`, sockets);
        world.apply(node, setLocal(world.nodes.get(node)!, user, user, sockets, world.now));
        if (fate === "lost") world.inFlight = [];
        else if (fate === "doubled") world.inFlight.push(...world.inFlight);
        if (fate !== "late") world.settle();
        world.inFlight.reverse();
        world.pass(Math.ceil(wait / 250) * 250);
      }
      world.pass(30_000);
      for (const user of ["alice", "bob"]) {
        const online = ["p1", "p2", "p3"].some((node) => (truth.get(`${node} ${user}`) ?? 0) > 0);
        for (const [id, state] of world.nodes) {
          expect([id, user, state.shown.has(user)]).toEqual([id, user, online]);
          const statuses = world.statuses(id, user);
          expect(statuses).toEqual(statuses.map((_, i) => (i % 2 ? "offline" : "online")));
        }
      }
    }),
    { numRuns: 300 },
  );
});

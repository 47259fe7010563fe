/** Whole clients over a server, a network and a clock that do as told, by random schedules. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { memoryStorage } from "../../src/client/storage.ts";
import { FakeNetwork } from "./fake-network.ts";

test("whatever breaks, everyone ends up with the same messages, each once and each tab's in order", async () => {
  // Two tabs of one device, which share a storage, and somebody else.
  const tab = fc.nat(2);
  const step = fc.oneof(
    fc.record({ do: fc.constant("send"), who: tab }),
    fc.record({ do: fc.constantFrom("cut", "pull", "plug", "lose", "reload", "again", "busy", "remove"), who: tab }),
    fc.record({ do: fc.constant("wait"), who: tab, ms: fc.constantFrom(0, 10, 700, 12_000, 45_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25, size: "max" }), async (steps) => {
      const network = new FakeNetwork();
      const { server, clock } = network;
      const names = ["alice", "alice", "bob"];
      const shared = memoryStorage();
      const storages = [shared, shared, memoryStorage()];
      const clients = await Promise.all(names.map((name, i) => network.live(name, storages[i])));
      let losing = 0;
      let busy = 0;
      server.lose = () => losing > 0 && losing-- > 0;
      server.answer = () => (busy-- > 0 ? { code: "unavailable", detail: "", retry_after_ms: 100 } : undefined);
      const said: string[][] = [[], [], []];
      const gone = new Set<string>();
      const confirmed = new Set<string>();
      for (const [n, step] of steps.entries()) {
        const { who } = step;
        if (step.do === "send") {
          said[who]!.push(`${who}/${n}`);
          void clients[who]!.send("global", `${who}/${n}`).sent.then(() => confirmed.add(`${who}/${n}`));
        }
        if (step.do === "cut") network.cut();
        if (step.do === "pull") network.up = false;
        if (step.do === "pull") network.cut();
        if (step.do === "plug") network.up = true;
        if (step.do === "lose") losing = 2;
        if (step.do === "busy") busy = 2;
        if (step.do === "remove") {
          const row = server.rows.findLast(({ removed }) => !removed);
          if (row) server.change(row, "remove");
          if (row) gone.add(row.message.content);
        }
        // As pages do when they are looked at again: what the other tab has not sent yet is taken up.
        if (step.do === "again") await clients[who]!.restore();
        if (step.do === "reload") {
          clients[who]!.close();
          // Whoever waited for it is gone.
          for (const content of said[who]!) confirmed.add(content);
          clients[who] = network.client(storages[who]!);
          await clients[who]!.restore();
          clients[who]!.connect();
        }
        if ("ms" in step) await clock.advance(step.ms);
      }
      Object.assign(network, { up: true });
      [losing, busy] = [0, 0];
      await clock.advance(120_000);
      const all = server.rows.filter(({ removed }) => !removed).map(({ message }) => message.content);
      for (const client of clients) {
        await client.loadLatest("global");
        expect(client.state.streams.get("global")!.messages.map(({ content }) => content)).toEqual(all);
        expect(client.pending("global")).toEqual([]);
      }
      expect((await shared.entries("outbox/")).length).toBe(0);
      expect(said.flat().filter((content) => !confirmed.has(content))).toEqual([]);
      for (const [who, own] of said.entries())
        expect(all.filter((content) => content.startsWith(`${who}/`))).toEqual(
          own.filter((content) => !gone.has(content)),
        );
    }),
    { numRuns: 150 },
  );
});

/** Removals among sends, erasures that are stopped, and what is too old: over real databases. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createLeaving } from "../../src/chat/leaving.ts";
import { createRemovalStore, type RemovalStore } from "../../src/chat/removal-store.ts";
import { createRoomStore, type RoomStore } from "../../src/chat/rooms-store.ts";
import type { RemovalEvent } from "../../src/chat/rooms.ts";
import { type ChatStore, createChatStore } from "../../src/chat/store.ts";
import type { Database } from "../../src/db/client.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { look } from "../../src/realtime/store.ts";
import { freshDatabase, haveServices, silent, tempDir } from "../support/services.ts";

const KEPT = { public: 0, conversations: 0 };

for (const kind of ["embedded", "PostgreSQL"] as const)
  describe.skipIf(kind === "PostgreSQL" && !haveServices)(kind, () => {
    let db: Database;
    let store: RemovalStore;
    let chat: ChatStore;
    let rooms: RoomStore;
    let people = 0;
    beforeAll(async () => {
      db =
        kind === "embedded"
          ? await openEmbedded(await tempDir(), systemClock, silent)
          : openPostgres(await freshDatabase(), systemClock);
      await migrate(db);
      [store, chat, rooms] = [createRemovalStore(db), createChatStore(db, systemClock), createRoomStore(db)];
    }, 60_000);
    afterAll(() => db.close());

    const somebody = async () => {
      const [id, sessionId, name] = [crypto.randomUUID(), crypto.randomUUID(), `user${++people}`];
      await db.query(
        "INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES ($1, $2, $2, $2, true, 'x')",
        [id, name],
      );
      await db.query(
        "INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti) VALUES ($1, $2, '', now(), now() + interval '1 day', $1)",
        [sessionId, id],
      );
      return { id, sessionId, name };
    };
    type Who = Awaited<ReturnType<typeof somebody>>;
    const pair = async () => {
      const [ada, bob] = [await somebody(), await somebody()];
      return { ada, bob, room: (await rooms.openDirect(ada.id, bob.id, ada.sessionId))! };
    };
    const draft = (room: string, who: Who, content: string, clientId: string | null = null) => ({
      room,
      content,
      clientId,
      audience: [],
      sessionId: who.sessionId,
      sender: { id: who.id, username: who.name },
    });
    const say = (room: string, who: Who, n = 1, clientId: (i: number) => string | null = () => null) =>
      chat.storeMessages(Array.from({ length: n }, (_, i) => draft(room, who, `message ${i}`, clientId(i))));
    const events = async (room: string) => {
      const { events, head } = await chat.eventsSince(room, 0, "0:0:");
      return { seqs: events.map(({ seq }) => seq), head };
    };

    test("one batch of several rooms: each message comes to what it would alone, and those that are stored have numbers without a hole", async () => {
      const { ada, bob, room } = await pair();
      const [carl, gone] = [await somebody(), await somebody()];
      await db.query("UPDATE sessions SET ended_at = now() WHERE id = $1", [gone.sessionId]);
      const first = await say(room, ada, 3, (i) => `first ${i}`);
      await store.removeMessages(room, [2], ada.id, ada.sessionId);
      const nowhere = crypto.randomUUID();
      const outcomes = await chat.storeMessages([
        draft(room, bob, "new"),
        draft(GLOBAL_ROOM, carl, "new to everyone"),
        draft(room, ada, "message 0", "first 0"),
        draft(room, ada, "message 1", "first 1"),
        draft(room, ada, "something else", "first 2"),
        draft(nowhere, ada, "new"),
        draft(room, bob, "also new", "first 0"),
        draft(room, carl, "not my room"),
        draft(GLOBAL_ROOM, gone, "my session has ended"),
        draft(room, gone, "here too"),
        draft(GLOBAL_ROOM, ada, "the last"),
      ]);
      const { head: heard } = await events(GLOBAL_ROOM);
      expect(outcomes.map((outcome) => ("seq" in outcome ? [outcome.kind, outcome.seq] : outcome.kind))).toEqual([
        ["stored", 5],
        ["stored", heard - 1],
        ["duplicate", 1],
        ["duplicate", 2],
        "mismatch",
        "not_found",
        ["stored", 6],
        "not_found",
        "unauthenticated",
        "unauthenticated",
        ["stored", heard],
      ]);
      expect(outcomes[2]).toEqual({ ...first[0], kind: "duplicate" } as never);
      const { rows } = await chat.page({ reader: ada.id, room, from: 3, limit: 9, upwards: true });
      const stored = rows.map(({ seq, id, sentAt, sender, content }) => [
        seq,
        id,
        sentAt.toISOString(),
        sender.id,
        content,
      ]);
      const of = (n: number) => outcomes[n] as { id: string; sentAt: string };
      expect(stored).toEqual([
        [5, of(0).id, of(0).sentAt, bob.id, "new"],
        [6, of(6).id, of(6).sentAt, bob.id, "also new"],
      ]);
    });

    test("removals and sends side by side leave one row for each number, and none for what was removed", async () => {
      const { ada, bob, room } = await pair();
      await say(room, ada, 40);
      const work: Promise<unknown>[] = [];
      for (let seq = 1; seq <= 40; seq++) {
        work.push(store.removeMessages(room, [seq], ada.id, ada.sessionId));
        work.push(store.removeMessages(room, [seq, 41 - seq], ada.id, ada.sessionId));
        work.push(say(room, bob, 2));
      }
      await Promise.all(work);
      const { seqs, head } = await events(room);
      expect(head).toBe(160);
      expect(seqs).toEqual(Array.from({ length: 120 }, (_, i) => 41 + i));
      expect(await db.query("SELECT count(*)::int AS n FROM removals WHERE room_id = $1", [room])).toEqual([{ n: 40 }]);
    });

    test("only the sender removes, in a session that lives, where they take part; the operator anything", async () => {
      const [{ ada, bob, room }, other] = [await pair(), await pair()];
      await say(room, ada, 2);
      const remove = async (seq: number, by: string | null, session: string | null, where = room) =>
        (await store.removeMessages(where, [seq], by, session)).outcome;
      expect(await remove(1, bob.id, bob.sessionId)).toBe("not_found");
      expect(await remove(1, ada.id, bob.sessionId)).toBe("unauthenticated");
      expect(await remove(1, ada.id, ada.sessionId, other.room)).toBe("not_found");
      expect(await remove(1, ada.id, ada.sessionId, crypto.randomUUID())).toBe("not_found");
      expect(await remove(7, null, null)).toBe("not_found");
      await db.query("UPDATE sessions SET ended_at = now() WHERE id = $1", [ada.sessionId]);
      expect(await remove(1, ada.id, ada.sessionId)).toBe("unauthenticated");
      expect(await events(room)).toEqual({ seqs: [1, 2], head: 2 });
      expect(await remove(1, bob.id, null)).toBe("removed");
      expect(await db.query("SELECT seq, message_seq, removed_by FROM removals WHERE room_id = $1", [room])).toEqual([
        { seq: 3, message_seq: 1, removed_by: bob.id },
      ]);
    });

    test("a look, and who comes back, see a removal in a room where nothing else happened", async () => {
      const { ada, bob, room } = await pair();
      await say(room, ada, 3);
      const { horizon } = await look(db, null);
      await store.removeMessages(room, [3], ada.id, ada.sessionId);
      expect((await look(db, horizon)).heads).toEqual([{ room, seq: 4 }]);
      expect(await chat.eventsSince(room, null, horizon)).toMatchObject({ after: 2, head: 4, whole: true });
      const [owed] = await rooms.catchUp([{ userId: bob.id, since: horizon }]);
      expect(owed!.news).toMatchObject([{ room, head: 4, events: [{ seq: 4, body: { removed: { seq: 3 } } }] }]);
    });

    test("who missed more than 500 events is told that it is too much, however many of them are left", async () => {
      const { ada, bob, room } = await pair();
      await say(room, ada, 1);
      const { horizon } = await look(db, null);
      const news = async () => (await rooms.catchUp([{ userId: bob.id, since: horizon }]))[0]!.news[0]!.events?.length;
      await say(room, ada, 400);
      const remove = (from: number, n: number) =>
        store.removeMessages(room, Array.from({ length: n }, (_, i) => from + i), ada.id, ada.sessionId); // prettier-ignore
      await remove(2, 100);
      // 400 messages and 100 removals, of which 300 and 100 are left.
      expect(await news()).toBe(400);
      await remove(150, 1);
      expect(await news()).toBe(400);
      await remove(102, 48);
      await remove(151, 150);
      await say(room, ada, 100);
      // 101 messages, 299 removals, 100 messages: the first that is left is within the last 500, until one more is said.
      expect(await news()).toBe(500);
      await say(room, ada, 1);
      expect(await news()).toBeUndefined();
    });

    test("an erasure that was stopped goes on, and takes nothing but what its own has said", async () => {
      const [one, two] = [await pair(), await pair()];
      const { ada } = one;
      const shared = (await rooms.openDirect(ada.id, two.bob.id, ada.sessionId))!;
      await say(one.room, one.bob, 700);
      await say(one.room, ada, 700, (i) => `id ${i}`);
      await say(shared, ada, 3);
      await say(shared, two.bob, 1);
      await say(two.room, two.ada, 2);
      await db.query("INSERT INTO erasures (user_id) VALUES ($1)", [ada.id]);
      for (let removed = 0; !removed;) removed = (await store.eraseStep())!.removed.length;
      const left = () =>
        db.query<{ n: number }>("SELECT count(*)::int AS n FROM messages WHERE sender_id = $1", [ada.id]);
      expect((await left())[0]!.n).toBeGreaterThan(0);
      // Another process, later.
      const told: RemovalEvent[] = [];
      const leaving = createLeaving({
        store,
        committed: (events) => told.push(...events),
        days: KEPT,
        clock: systemClock,
        log: silent,
      });
      await Promise.all([leaving.erase(), leaving.erase()]);
      expect(await left()).toEqual([{ n: 0 }]);
      expect(await db.query("SELECT * FROM erasures", [])).toEqual([]);
      const tombs = await db.query<{ n: number }>("SELECT count(*)::int AS n FROM removals WHERE sender_id = $1", [
        ada.id,
      ]);
      expect(tombs).toEqual([{ n: 703 }]);
      expect(told.length).toBeLessThanOrEqual(703);
      expect(new Set(told.map(({ room, seq }) => `${room} ${seq}`)).size).toBe(told.length);
      expect((await events(two.room)).seqs).toEqual([1, 2]);
      expect((await events(shared)).seqs).toEqual([4, 5, 6, 7]);
      expect((await events(one.room)).head).toBe(2_100);
      // Another's send is a repeat or not, as before.
      expect((await say(one.room, ada, 1, () => "id 5"))[0]!.kind).toBe("mismatch");
    }, 60_000);

    test("an erasure of somebody who said little is done in few steps, however much others said", async () => {
      const { ada, bob, room } = await pair();
      await say(room, ada, 1);
      await db.query(
        `INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
         SELECT $1, n, gen_random_uuid(), $2, 'message ' || n, now() FROM generate_series(2, 45000) n`,
        [room, bob.id],
      );
      await db.query("UPDATE heads SET seq = 45000 WHERE room_id = $1", [room]);
      await say(room, ada, 1);
      await db.query("INSERT INTO erasures (user_id) VALUES ($1)", [ada.id]);
      const removed: number[][] = [];
      for (let step = await store.eraseStep(); step; step = await store.eraseStep())
        removed.push(step.removed.map(({ messageSeq }) => messageSeq));
      expect(removed.flat()).toEqual([1, 45_001]);
      expect(removed.length).toBeLessThan(10);
    }, 60_000);

    test("each room is kept as long as it says itself, else as configured; times find their place behind what is gone", async () => {
      const [kept, short, usual] = [await pair(), await pair(), await pair()];
      for (const { room, ada } of [kept, short, usual]) {
        await say(room, ada, 2_500, (i) => `${i}`);
        await store.removeMessages(room, [1, 2_400], ada.id, ada.sessionId);
        await db.query("UPDATE messages SET sent_at = sent_at - (2500 - seq) * interval '1 hour' WHERE room_id = $1", [room]); // prettier-ignore
      }
      expect(await store.setRetention(kept.room, 0)).toBe(true);
      expect(await store.setRetention(short.room, 1)).toBe(true);
      expect(await store.setRetention(crypto.randomUUID(), 1)).toBe(false);
      await db.query("UPDATE removals SET removed_at = removed_at - interval '100 days' WHERE room_id = $1 AND message_seq = 1", [usual.room]); // prettier-ignore
      const deps = { store, committed: () => {}, clock: systemClock, log: silent };
      const stop = createLeaving({ ...deps, days: { public: 0, conversations: 10 } }).start();
      const state = async ({ room }: { room: string }) => {
        const [row] = await db.query<{ n: number; low: number; min: number; tombs: number }>(
          `SELECT count(*)::int AS n, min(seq) AS low, (SELECT min_seq FROM rooms WHERE id = $1) AS min,
                  (SELECT count(*)::int FROM removals WHERE room_id = $1) AS tombs FROM messages WHERE room_id = $1`,
          [room],
        );
        return Object.values(row!);
      };
      for (let i = 0; i < 200 && (await state(usual))[0] !== 239; i++) await Bun.sleep(50);
      await Bun.sleep(200);
      stop();
      // Ten days are 240 hours, one is 24; the one that was removed lately stays removed.
      expect(await state(kept)).toEqual([2_498, 2, 1, 2]);
      expect(await state(short)).toEqual([24, 2_477, 2_477, 2]);
      expect(await state(usual)).toEqual([239, 2_261, 2_261, 1]);
      expect(await chat.seqAt(usual.room, new Date(0))).toBeLessThanOrEqual(2_261);
      expect(await chat.seqAt(usual.room, new Date(Date.now() - 5 * 3_600_000))).toBe(2_496);
      const page = await chat.page({ reader: usual.ada.id, room: usual.room, from: 9_999, limit: 300, upwards: false }); // prettier-ignore
      expect(page.rows.map(({ seq }) => seq)).toEqual(
        Array.from({ length: 240 }, (_, i) => 2_261 + i).filter((seq) => seq !== 2_400),
      );
    }, 60_000);
  });

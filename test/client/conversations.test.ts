import { expect, test } from "bun:test";
import { createHistory } from "../../src/client/history.ts";
import { addConversation, markRead, newState, receive, startResume } from "../../src/client/state.ts";
import { FakeServer } from "./fake-server.ts";

test("a room that changed unseen, and is in no snapshot, is as the list of rooms says; a live message asks for a snapshot", () => {
  const state = newState();
  const row = new FakeServer().post("bob", "global", "one").row.message;
  const told = { head_seq: 9, complete: false };
  const listed = (id: string, unread_count: number) =>
    addConversation(state, {
      id,
      participants: [],
      created_at: "",
      updated_at: "now",
      unread_count,
      head_seq: 9,
      read_seq: 2,
      last_message: { content: "hi", timestamp: "now", sender_id: "bob" },
    });
  startResume(state, true);
  receive(state, { type: "snapshot", streams: [], more: true, presence: [] });
  receive(state, { type: "resumed", since: "1", streams: {} });
  startResume(state, true);
  receive(state, { type: "message", stream: "told in part", seq: 9, prev: 0, message: { ...row, seq: 9, version: 9 } });
  receive(state, {
    type: "resumed",
    since: "2",
    streams: { "told in part": { ...told, complete: true }, skipped: told },
  });
  expect([state.more, state.list.pages]).toEqual([true, 0]);
  for (const room of ["told in part", "skipped"]) {
    listed(room, 7);
    expect(state.streams.get(room)).toMatchObject({
      last: 9,
      unread: 7,
      updatedAt: "now",
      lastMessage: { content: "hi" },
    });
    const next = { ...row, id: `${room} 10`, seq: 10, version: 10 };
    expect(receive(state, { type: "message", stream: room, seq: 10, prev: 9, message: next })).toContainEqual({ do: "resume" }); // prettier-ignore
  }
});

test("a message that is told later than the list of rooms which shows it does not take the list back", () => {
  const state = newState();
  const row = new FakeServer().post("bob", "global", "one").row.message;
  receive(state, { type: "hello", epoch: "1", user: { id: "alice", username: "alice" } } as never);
  startResume(state, true);
  receive(state, { type: "snapshot", streams: [], more: true, presence: [] });
  receive(state, { type: "resumed", since: "1", streams: {} });
  const list = (head_seq: number) =>
    addConversation(state, {
      id: "room",
      participants: [{ id: "bob", username: "bob", is_online: true, created_at: "", last_seen: null }],
      created_at: "",
      updated_at: `${head_seq}`,
      unread_count: head_seq,
      head_seq,
      read_seq: 0,
      last_message: { content: `${head_seq}`, timestamp: `${head_seq}`, sender_id: "bob" },
    });
  const tell = (seq: number) =>
    receive(state, {
      type: "message",
      stream: "room",
      seq,
      prev: seq - 1,
      message: { ...row, id: `${seq}`, seq, version: seq, content: `${seq}`, timestamp: `${seq}` },
    });
  const shown = () => state.streams.get("room");
  list(3);
  expect(shown()!.participants).toEqual([{ id: "bob", username: "bob", last_seen: null }]);
  for (const seq of [2, 3]) {
    tell(seq);
    expect(shown()).toMatchObject({ unread: 3, updatedAt: "3", lastMessage: { content: "3" } });
  }
  expect(shown()!.lastMessage!.id).toBe("3");
  tell(4);
  expect(shown()).toMatchObject({ unread: 4, updatedAt: "4", lastMessage: { content: "4" } });
  // And an answer that was slower than a frame.
  shown()!.vague = true;
  list(3);
  expect(shown()).toMatchObject({ unread: 4, updatedAt: "4", lastMessage: { content: "4" } });
});

test("a list that is to be loaded anew is not done with a page that was asked for before", async () => {
  const state = newState();
  const pages: ((page: unknown) => void)[] = [];
  const conversations = () => new Promise<any>((answer) => pages.push(answer));
  const rest = { messages: async () => [], conversations };
  const history = createHistory({ rest, state: () => state, changed: () => {} });
  const resume = (since: string, streams: Record<string, { complete: boolean; head_seq: number }>) => {
    startResume(state, true);
    receive(state, { type: "snapshot", streams: [], more: true, presence: [] });
    receive(state, { type: "resumed", since, streams });
  };
  const page = (unread_count: number) => ({
    next: null,
    results: [
      {
        id: "x",
        participants: [],
        updated_at: "",
        unread_count,
        head_seq: unread_count,
        read_seq: 0,
        last_message: null,
      },
    ],
  });
  resume("1", {});
  const loading = history.loadConversations();
  // It is on its way, and meanwhile much happens in a room beyond the snapshot's.
  resume("2", { x: { complete: false, head_seq: 601 } });
  pages.shift()!(page(1));
  await Bun.sleep(0);
  pages.shift()!(page(601));
  await loading;
  expect([state.more, state.streams.get("x")!.unread]).toEqual([false, 601]);
  // Read as it is listed, though none of its messages was loaded.
  expect([markRead(state, "x"), state.streams.get("x")!.unread]).toEqual([601, 0]);
});

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { GLOBAL_ROOM, type UserRow } from "../db/schema.ts";
import type { HttpEnv } from "../deps.ts";
import { invalid, notFound, unauthenticated } from "../errors.ts";
import { check, readBody } from "../input.ts";
import type { Answer } from "../ops/answers.ts";
import * as api from "../protocol/api.ts";
import { makePage, readPage } from "../protocol/paging.ts";
import type { Conversations } from "./conversations.ts";
import { linkHeader, readHistory } from "./history.ts";
import type { Messages } from "./messages.ts";
import type { Reading } from "./reading.ts";
import type { Removal } from "./removal.ts";
import { type Rooms, roomId } from "./rooms.ts";
import type { ChatStore } from "./store.ts";

type Deps = {
  store: ChatStore;
  messages: Messages;
  userById: (id: string) => Promise<UserRow | undefined>;
  reading: Reading;
  conversations: Conversations;
  rooms: Rooms;
  requireUser: MiddlewareHandler<HttpEnv>;
  answer: Answer;
  removal: Removal;
};

const JSON_TYPE = { "Content-Type": "application/json" };

/** "create" is a route of its own, which takes POST only. */
const ID = ":id{(?!create$)[^/]+}";

export function chatRoutes(deps: Deps) {
  const { store, messages, userById, reading, conversations, rooms, requireUser, answer, removal } = deps;
  const app = new Hono<HttpEnv>();
  app.use(requireUser);

  app.get("/conversations", async (c) => {
    const page = readPage(c.req.query());
    if (!page) throw notFound();
    const { count, results } = await conversations.list(c.var.identity.userId, page.size, page.offset);
    const body = makePage(c.var.url, page, count, results);
    if (!body) throw notFound();
    return c.json(body);
  });

  app.post("/conversations/create", async (c) => {
    const { user_id } = await readBody(c.req.raw, api.createConversation);
    const detail = await conversations.open(c.var.identity, user_id);
    if (!detail) throw invalid("user_id", "There is no such active user.");
    return inFull(c, detail);
  });

  app.get("/conversations/user/:user_id", async (c) => {
    const detail = await conversations.open(c.var.identity, roomId(c.req.param("user_id")));
    if (!detail) throw notFound();
    return inFull(c, detail);
  });

  app.get(`/conversations/${ID}`, async (c) =>
    inFull(c, await conversations.detail(c.var.identity.userId, roomId(c.req.param("id")))),
  );

  app.get(`/conversations/${ID}/messages`, async (c) => {
    const id = roomId(c.req.param("id"));
    await rooms.membersFor(c.var.identity.userId, id);
    return history(c, id);
  });

  app.post(`/conversations/${ID}/read`, async (c) => {
    const messageIds = await readBody(c.req.raw, api.read);
    await reading.read(c.var.identity, roomId(c.req.param("id")), messageIds);
    return c.json({ detail: "Read." });
  });

  app.post(`/conversations/${ID}/messages`, (c) => send(c, roomId(c.req.param("id"))));
  app.post("/global/messages", (c) => send(c, GLOBAL_ROOM));

  app.delete(`/conversations/${ID}/messages/:message_id`, (c) => remove(c, roomId(c.req.param("id"))));
  app.delete("/global/messages/:message_id", (c) => remove(c, GLOBAL_ROOM));

  async function remove(c: Context<HttpEnv>, room: string) {
    await removal.removeMessage({ room, messageId: c.req.param("message_id")!, by: c.var.identity });
    return c.body(null, 204);
  }

  /** The same way as a socket's send; a repeat of the same `Idempotency-Key` is answered with what was stored. */
  async function send(c: Context<HttpEnv>, room: string) {
    const { content } = await readBody(c.req.raw, api.send);
    const { "idempotency-key": clientId } = check(api.sendHeaders, c.req.header());
    const sender = await userById(c.var.identity.userId);
    if (!sender) throw unauthenticated();
    const person = { id: sender.id, username: sender.username };
    const { stored } = await messages.send({
      sender: person,
      sessionId: c.var.identity.sessionId,
      room,
      content,
      clientId,
    });
    const { event, repeat } = await stored;
    const { id, sentAt, content: text } = event.body;
    const row = { seq: event.seq, id, content: text, sentAt: new Date(sentAt), sender };
    const [message] = await conversations.messages(room, [row]);
    return repeat ? c.json({ ...message, duplicate: true }) : c.json(message!, 201);
  }

  function inFull(c: Context<HttpEnv>, { conversation, messages }: Awaited<ReturnType<Conversations["detail"]>>) {
    return c.body(answer(`{"conversation":${JSON.stringify(conversation)},"messages":`, messages, "}"), 200, JSON_TYPE);
  }

  app.get("/global/messages", (c) => history(c, GLOBAL_ROOM));

  async function history(c: Context<HttpEnv>, room: string) {
    const page = await readHistory(store, c.var.identity.userId, room, c.req.query());
    const link = linkHeader(c.var.url, room, page);
    const messages = await conversations.messages(room, page.rows);
    return c.body(answer("", messages, ""), 200, { ...JSON_TYPE, ...(link && { Link: link }) });
  }

  return app;
}

import { z } from "zod";
import * as say from "./answers.ts";
import * as api from "./api.ts";
import type { Code } from "./codes.ts";
import { BODY, id, ok, pages, type Route } from "./route.ts";

const MESSAGE: readonly Code[] = [...BODY, "empty", "too_long", "idempotency_mismatch"];
const place = z.string().optional();
const history = z.object({
  limit: z.int().min(1).default(50).optional().meta({ description: "More than 200 counts as 200." }),
  before: place.meta({ description: "A message's id, or a time in ISO 8601: the newest before it." }),
  after: place.meta({ description: "Likewise: the oldest after it." }),
});
const detail = { 200: ok("The conversation and its latest 50 messages, oldest first.", say.detail) };

export const CHAT_ROUTES: Record<string, Route> = {
  "GET /api/chat/conversations": {
    tag: "Conversations",
    summary: "One's conversations",
    may: "users",
    query: pages,
    answers: { 200: ok("A page of them, the latest activity first.", say.page(say.conversation)) },
    refuses: ["not_found"],
  },
  "POST /api/chat/conversations/create": {
    tag: "Conversations",
    summary: "Open a conversation",
    about: "New or not: there is one for two people.",
    may: "users",
    body: api.createConversation,
    answers: detail,
    refuses: BODY,
  },
  "GET /api/chat/conversations/user/:user_id": {
    tag: "Conversations",
    summary: "The conversation with somebody",
    about: "Opens it where there is none, so do not prefetch it.",
    may: "users",
    path: z.object({ user_id: api.id }),
    answers: detail,
    refuses: ["invalid_field", "not_found"],
  },
  "GET /api/chat/conversations/:id": {
    tag: "Conversations",
    summary: "A conversation",
    may: "users",
    path: id,
    answers: detail,
    refuses: ["not_found"],
  },
  "GET /api/chat/conversations/:id/messages": {
    tag: "Conversations",
    summary: "What was said in it",
    may: "users",
    path: id,
    query: history,
    answers: { 200: ok("Messages, oldest first.", z.array(say.message.private), "Link") },
    refuses: ["invalid_field", "not_found"],
  },
  "POST /api/chat/conversations/:id/messages": {
    tag: "Conversations",
    summary: "Say something in it",
    may: "users",
    path: id,
    headers: api.sendHeaders,
    body: api.send,
    answers: {
      200: ok("It was said before, with this `Idempotency-Key`.", say.message.repeatedPrivate),
      201: ok("It is stored.", say.message.private),
    },
    refuses: [...MESSAGE, "not_found"],
  },
  "DELETE /api/chat/conversations/:id/messages/:message_id": {
    tag: "Conversations",
    summary: "Take back what one said in it",
    about: "Again is fine.",
    may: "users",
    path: id.extend({ message_id: api.id }),
    answers: { 204: ok("It is gone, for everyone.") },
    refuses: ["not_found"],
  },
  "POST /api/chat/conversations/:id/read": {
    tag: "Conversations",
    summary: "Say how far one has read",
    about: "Either `message_ids` or `up_to`. The mark never falls.",
    may: "users",
    path: id,
    body: api.read,
    answers: { 200: ok("Noted.", say.done) },
    refuses: [...BODY, "not_found"],
  },
  "GET /api/chat/global/messages": {
    tag: "Everyone",
    summary: "What was said to everyone",
    may: "users",
    query: history,
    answers: { 200: ok("Messages, oldest first.", z.array(say.message.global), "Link") },
    refuses: ["invalid_field"],
  },
  "DELETE /api/chat/global/messages/:message_id": {
    tag: "Everyone",
    summary: "Take back what one said to everyone",
    about: "Again is fine.",
    may: "users",
    path: z.object({ message_id: z.coerce.number().int().min(1) }),
    answers: { 204: ok("It is gone, for everyone.") },
    refuses: ["not_found"],
  },
  "POST /api/chat/global/messages": {
    tag: "Everyone",
    summary: "Say something to everyone",
    may: "users",
    headers: api.sendHeaders,
    body: api.send,
    answers: {
      200: ok("It was said before, with this `Idempotency-Key`.", say.message.repeatedGlobal),
      201: ok("It is stored.", say.message.global),
    },
    refuses: MESSAGE,
  },
};

/** The sockets as an AsyncAPI 3.0 document, from the schemas that frames are held against. */
import type { z } from "zod";
import { CLOSE } from "./codes.ts";
import { CLIENT_FRAMES, type Endpoint, SUBPROTOCOL } from "./frames.ts";
import { createSchemas, type Json } from "./json-schema.ts";
import { SERVER_FRAMES } from "./server-frames.ts";

/** Why the server closes a socket; 4500 and above: do not come back with the same tokens. */
const CLOSES: Record<keyof typeof CLOSE, [about: string, ...Endpoint[]]> = {
  unsupportedData: ["A binary frame came."],
  tooBig: ["A frame was too big."],
  tryAgain: ["What was missed cannot be told just now. Come back.", "chat"],
  unauthenticated: ["No access token came, or a bad one. On the older sockets also: the session is over."],
  abuse: ["Too many sockets of this user, too many frames, or too many who did not say who they are."],
  behind: ["More happened than is kept for who comes back, or it was read too slowly. Come back.", "chat"],
  restarting: ["The server shuts down, or its database was restored. Come back."],
  silent: ["No `resume` came within 10 seconds, or nothing at all for four heartbeats.", "chat"],
  sessionOver: ["The session is over.", "chat"],
  accountDisabled: ["The account is disabled.", "chat"],
  protocolNotSpoken: [`The subprotocol \`${SUBPROTOCOL}\` was not offered.`, "chat"],
};

const CHANNELS: Record<Endpoint, { address: string; title: string; about: string }> = {
  chat: {
    address: "/ws/chat/",
    title: "The one socket",
    about: `Carries everything, and lets a client come back after any time without losing or doubling a message. Its subprotocol is \`${SUBPROTOCOL}\`; offer the token beside it, as \`bearer.<token>\`, or send it in a first frame \`auth\`.`,
  },
  global: { address: "/ws/chat/global/", title: "The public room", about: "The first version's socket." },
  private: { address: "/ws/chat/private/", title: "Conversations", about: "The first version's socket." },
};

const ABOUT: Record<string, string> = {
  send_global_message: "Says something to everyone.",
  send_private_message: "Says something in a conversation.",
  send_message: "Says something in a stream. Answered by `ack` after the commit, or by `error`.",
  typing_start: "One types.",
  typing_stop: "One stopped.",
  auth: "Who one is, where no token came with the handshake; within 10 seconds.",
  resume: "Where one left off, within 10 seconds of `hello`; nulls for a client that holds nothing.",
  read: "How far one has read. The mark never falls.",
  ping: "Every `heartbeat_s` seconds. Answered by `pong`.",
};

/** `host`: where this server is reached, `chat.example.org`. */
export function asyncapi(version: string, host = "localhost:8000", protocol: "ws" | "wss" = "ws"): Json {
  const { named, schema } = createSchemas("draft-7");
  const channels: Json = {};
  const operations: Json = {};

  for (const [endpoint, { address, title, about }] of Object.entries(CHANNELS) as [
    Endpoint,
    (typeof CHANNELS)["chat"],
  ][]) {
    // prettier-ignore
    const receive = Object.entries<z.ZodType>(CLIENT_FRAMES[endpoint]).map(([type, fields]) => {
      const { properties, required = [], ...rest } = schema(fields, "input") as { properties: Json; required?: string[] }; // prettier-ignore
      const payload = { ...rest, properties: { type: { type: "string", const: type }, ...properties }, required: ["type", ...required] }; // prettier-ignore
      return [`client.${type}`, { name: type, summary: ABOUT[type], payload }] as const;
    });
    const send = Object.entries(SERVER_FRAMES[endpoint]).map(([type, frame]) => {
      const { description, ...payload } = schema(frame, "output");
      return [`server.${type}`, { name: type, summary: description, payload }] as const;
    });
    const closes = Object.entries(CLOSES).filter(([, [, ...only]]) => !only.length || only.includes(endpoint));
    channels[endpoint] = {
      address,
      title,
      description: `${about}\n\nThe server closes it with:\n\n${closes.map(([name, [why]]) => `- ${CLOSE[name as keyof typeof CLOSE]}: ${why}`).join("\n")}`,
      messages: Object.fromEntries([...receive, ...send]),
      bindings: {
        ws: {
          bindingVersion: "0.1.0",
          method: "GET",
          query: { type: "object", properties: { token: { type: "string", description: "The access token." } } },
          headers: { type: "object", properties: { "Sec-WebSocket-Protocol": { type: "string" } } },
        },
      },
      "x-close-codes": Object.fromEntries(closes.map(([name, [why]]) => [CLOSE[name as keyof typeof CLOSE], why])),
    };
    for (const [action, messages] of [
      ["receive", receive],
      ["send", send],
    ] as const)
      // prettier-ignore
      operations[`${endpoint}.${action}`] = {
        action,
        summary: action === "receive" ? "What a client may send." : "What the server sends.",
        channel: { $ref: `#/channels/${endpoint}` },
        messages: messages.map(([name]) => ({ $ref: `#/channels/${endpoint}/messages/${name}` })),
      };
  }

  return {
    asyncapi: "3.0.0",
    info: {
      title: "LiquidChat",
      version,
      description:
        "The sockets of a self-hosted chat: text frames, one JSON object each, told apart by `type`. " +
        "A later version may tell more: ignore types and keys that you do not know.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: {
      this: {
        host,
        protocol,
        security: [{ $ref: "#/components/securitySchemes/accessToken" }],
      },
    },
    channels,
    operations,
    components: {
      schemas: named,
      securitySchemes: {
        accessToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "`access` of a log-in, also as the query's `token` or the subprotocol `bearer.<token>`.",
        },
      },
    },
  };
}

/** The client of LiquidChat: docs/client.md. */
export { type Client, type ClientEvents, type ClientState, createClient } from "./client.ts";
export type { ConnectionState } from "./connection.ts";
export type { Sent } from "./drafts.ts";
export { ChatError, type ErrorCode, type FieldError } from "./errors.ts";
export type { Message, Room } from "./messages.ts";
export type { Pending } from "./outbox.ts";
export type { Clock, Fetch, Ports, Socket } from "./ports.ts";
export type { SignedOutReason } from "./session.ts";
export { type ChatStorage, indexedDbStorage, memoryStorage } from "./storage.ts";

import { type Accounts, userView } from "./auth/accounts.ts";
import type { Guard } from "./auth/guard.ts";
import type { AddressLimits } from "./auth/limits.ts";
import { authRoutes } from "./auth/routes.ts";
import type { AuthStore } from "./auth/store.ts";
import { createConversations } from "./chat/conversations.ts";
import type { createExport } from "./chat/export.ts";
import type { Messages } from "./chat/messages.ts";
import type { Reading } from "./chat/reading.ts";
import type { Removal } from "./chat/removal.ts";
import type { RoomStore } from "./chat/rooms-store.ts";
import type { Rooms } from "./chat/rooms.ts";
import { chatRoutes } from "./chat/routes.ts";
import type { ChatStore } from "./chat/store.ts";
import type { Config } from "./config.ts";
import type { Bucket, IsOnline, Routes } from "./deps.ts";
import { createAnswers } from "./ops/answers.ts";
import { healthRoutes } from "./ops/health.ts";
import { version } from "../package.json";
import { documentRoutes } from "./web/documents.ts";
import { pageRoutes } from "./web/page.ts";

type Parts = {
  config: Config;
  accounts: Accounts;
  authStore: AuthStore;
  guard: Guard;
  limits: AddressLimits;
  presence: { isOnline: IsOnline };
  chatStore: ChatStore;
  roomStore: RoomStore;
  messages: Messages;
  reading: Reading;
  rooms: Rooms;
  removal: Removal;
  written: ReturnType<typeof createExport>;
  exports: Bucket;
  /** Of conversations, by user. */
  openings: Bucket;
  metrics: Routes | null;
  standing: Parameters<typeof healthRoutes>[0];
};

/** Every slice's routes; http.ts says where they are. */
export function routesOf({ config, accounts, authStore, guard, limits, presence, ...parts }: Parts) {
  const { chatStore, roomStore, messages, reading, rooms, removal, written, exports, openings, metrics, standing } =
    parts;
  const { isOnline } = presence;
  return {
    auth: authRoutes({
      accounts,
      store: authStore,
      guard,
      limits,
      isOnline,
      cookieMs: config.refreshTokenMs,
      written,
      exports,
    }) as Routes,
    chat: chatRoutes({
      store: chatStore,
      messages,
      userById: authStore.userById,
      reading,
      conversations: createConversations({
        store: chatStore,
        roomStore,
        viewUser: (row) => userView(row, isOnline),
        openings,
      }),
      rooms,
      requireUser: guard.requireUser,
      answer: createAnswers(),
      removal,
    }) as Routes,
    health: healthRoutes(standing),
    page: pageRoutes().route("/", documentRoutes(version)),
    metrics,
  };
}

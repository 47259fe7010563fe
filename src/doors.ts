import { adminRoutes } from "./admin/routes.ts";
import { createAdminStore } from "./admin/store.ts";
import { type Accounts, userView } from "./auth/accounts.ts";
import type { Guard } from "./auth/guard.ts";
import type { AddressLimits } from "./auth/limits.ts";
import { authRoutes } from "./auth/routes.ts";
import type { Passwords } from "./auth/passwords.ts";
import type { AuthStore } from "./auth/store.ts";
import { createConversations } from "./chat/conversations.ts";
import type { createExport } from "./chat/export.ts";
import { findMessage } from "./chat/history.ts";
import type { Messages } from "./chat/messages.ts";
import type { Reading } from "./chat/reading.ts";
import type { Removal } from "./chat/removal.ts";
import type { RoomStore } from "./chat/rooms-store.ts";
import type { RemovalEvent, Rooms } from "./chat/rooms.ts";
import { chatRoutes } from "./chat/routes.ts";
import type { ChatStore } from "./chat/store.ts";
import type { Config } from "./config.ts";
import type { Database } from "./db/client.ts";
import type { Bucket, IsOnline, Routes } from "./deps.ts";
import { createAnswers } from "./ops/answers.ts";
import type { Audit } from "./ops/audit.ts";
import type { Clock } from "./ops/clock.ts";
import { healthRoutes } from "./ops/health.ts";
import type { Figures } from "./protocol/admin.ts";
import { version } from "../package.json";
import { documentRoutes } from "./web/documents.ts";
import { pageRoutes } from "./web/page.ts";

type Parts = {
  config: Config;
  db: Database;
  clock: Clock;
  audit: Audit;
  accounts: Accounts;
  passwords: Passwords;
  /** Tells this process and the others. */
  committed: (events: RemovalEvent[]) => void;
  sessionEnded: (sessionId: string, disabled: boolean) => void;
  authStore: AuthStore;
  guard: Guard;
  limits: AddressLimits;
  presence: { isOnline: IsOnline; online: () => number; whoIsOnline: () => string[] };
  live: () => Promise<Figures[]>;
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
  const { db, clock, passwords, sessionEnded, live, committed, chatStore, roomStore, messages, reading, rooms } = parts;
  const { removal, written, exports, openings, metrics, standing } = parts;
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
    admin: adminRoutes({
      store: createAdminStore(db),
      accounts: authStore,
      guard,
      limits,
      passwords,
      presence,
      live,
      sessionEnded,
      audit: parts.audit,
      findMessage: (room, id) => findMessage(chatStore, room, id),
      committed,
      publicUrl: config.publicUrl,
      now: clock.now,
    }) as Routes,
    health: healthRoutes(standing),
    page: pageRoutes().route("/", documentRoutes(version)),
    metrics,
  };
}

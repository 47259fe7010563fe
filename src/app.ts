import type { Server } from "bun";
import { createLive, figuresOf } from "./admin/live.ts";
import { createAccounts } from "./auth/accounts.ts";
import { createGuard } from "./auth/guard.ts";
import { createAddressLimits } from "./auth/limits.ts";
import { createPasswords } from "./auth/passwords.ts";
import { closeExpired, Revocations } from "./auth/revocations.ts";
import { createAuthStore } from "./auth/store.ts";
import { createTokens } from "./auth/tokens.ts";
import { openBus, openDatabase } from "./backends.ts";
import { controlRoutes } from "./control/routes.ts";
import { listenControl } from "./control/socket.ts";
import { createCatchUp } from "./chat/catch-up.ts";
import { createExport } from "./chat/export.ts";
import { createLeaving } from "./chat/leaving.ts";
import { chatCommands, SIGNALS } from "./chat/commands.ts";
import { createMessages } from "./chat/messages.ts";
import { createReading } from "./chat/reading.ts";
import { createRemoval } from "./chat/removal.ts";
import { createRemovalStore } from "./chat/removal-store.ts";
import { type ChatEvent, createRooms, framesOf } from "./chat/rooms.ts";
import { createRoomStore } from "./chat/rooms-store.ts";
import { createChatStore } from "./chat/store.ts";
import { createWriter } from "./chat/writer.ts";
import type { Config } from "./config.ts";
import { createFigures } from "./figures.ts";
import type { Commands, Faults, Outgoing } from "./deps.ts";
import { routesOf } from "./doors.ts";
import { createHttp } from "./http.ts";
import { listen, listenMetrics } from "./listen.ts";
import { createAudit } from "./ops/audit.ts";
import { createBatch } from "./ops/batch.ts";
import { createClientReader } from "./ops/address.ts";
import { type Clock, systemClock, until } from "./ops/clock.ts";
import { createCounts } from "./ops/counts.ts";
import type { Log } from "./ops/log.ts";
import { roomForSockets } from "./ops/open-files.ts";
import { collect } from "./ops/runtime.ts";
import { createTracker } from "./presence/tracker.ts";
import { createDispatch } from "./realtime/dispatch.ts";
import { closeInWaves } from "./realtime/drain.ts";
import { createGateway } from "./realtime/gateway.ts";
import { createHandshake } from "./realtime/handshake.ts";
import { Heads } from "./realtime/heads.ts";
import { helloFrame } from "./realtime/hello.ts";
import { createPublisher } from "./realtime/publisher.ts";
import { aMinute, createBucket, gateOf } from "./realtime/rate-limit.ts";
import { createResume } from "./realtime/resume.ts";
import { createStreams } from "./realtime/streams.ts";
import { type Connection, Sockets } from "./realtime/sockets.ts";
import { look } from "./realtime/store.ts";
import { version } from "../package.json";

export type App = {
  port: number;
  /** All that HTTP can ask for, as `GET /path/:id`. */
  routes: string[];
  stop(): Promise<void>;
};

type Options = { config: Config; log: Log; clock?: Clock; at?: Faults };

/** What is under way at a shutdown gets this long. */
const STOP_DEADLINE_MS = 8_000;
/** Sockets are closed over this time at a shutdown. */
const DRAIN_MS = 3_000;
/** Copies of all that is one's own: each reads through whole rooms. */
const EXPORTS = { perSecond: 5 / 3_600, burst: 5 };
const SWEEP_MS = 1_000;
const HOUSEKEEPING_MS = 60_000;

/** Builds the whole server and starts it. Nothing else constructs a dependency; `stop` takes down what `start` put up, in reverse. */
export async function startApp({ config, log, clock = systemClock, at = () => {} }: Options): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const db = await openDatabase(config, true, clock, log);
  stack.defer(() => db.close());

  const { prefix, redis, bus } = await openBus(db, config, clock, log);
  stack.defer(() => bus.close());

  const counts = createCounts();
  const audit = createAudit(log, clock, counts);
  const authStore = createAuthStore(db);
  const tokens = createTokens({ keys: config.secretKeys, accessTokenMs: config.accessTokenMs, clock });
  const revocations = new Revocations(config.accessTokenMs, clock, (id, disabled) => gateway.endSession(id, disabled));
  const limits = createAddressLimits(config.limits, redis, prefix);
  // Each process counts for itself what is many and small.
  const bucketOfMine = (limit: { perSecond: number; burst: number }) => {
    const made = createBucket(limit, null, prefix, clock);
    stack.defer(clock.every(HOUSEKEEPING_MS, made.prune));
    return made;
  };
  const guard = createGuard(tokens, revocations, bucketOfMine(aMinute(config.limitsByUser.requests)));

  const chatStore = createChatStore(db, clock);
  const roomStore = createRoomStore(db);

  const sockets = new Sockets();
  const heads = new Heads(clock);
  let server: Server<Connection> | null = null;
  const publisher = createPublisher({
    publishTo: (topic, frame) => void server?.publish(topic, frame),
    sockets,
    heads,
    counts,
  });
  const { publish } = publisher;
  const bucket = createBucket(config.messageRate, redis, prefix, clock);

  const presence = createTracker({
    bus,
    publish,
    hears: sockets.hears,
    partnersOf: roomStore.partnersOf,
    writeLastSeen: authStore.setLastSeen,
    clock,
    times: config.presence,
  });
  const passwords = createPasswords(undefined, await authStore.slowestImported());
  const sessionEnded = (sessionId: string, disabled = false) => {
    revocations.add(sessionId, disabled);
    bus.publish({ kind: "session_ended", sessionId, disabled });
  };
  const accounts = createAccounts({
    store: authStore,
    tokens,
    passwords,
    isOnline: presence.isOnline,
    sessionEnded,
    audit,
    clock,
    times: config,
    erasureAsked: () => void leaving.erase(),
  });

  const rooms = createRooms(roomStore);
  const streams = createStreams({
    look: (horizon) => look(db, horizon),
    eventsSince: chatStore.eventsSince,
    deliver: (events) => publish((events as ChatEvent[]).flatMap((event) => framesOf(event, sockets.hears))),
    sessionEnded: (id, disabled) => revocations.add(id, disabled),
    historyChanged: () =>
      void closeInWaves({ sockets, clock, reason: "another history", overMs: 1_000, counts, settle: async () => {} }),
    counts,
    clock,
    log,
  });
  const committed = (events: ChatEvent[]) => {
    streams.arrived(events);
    bus.publish({ kind: "events", events });
  };
  const writer = createWriter({
    store: chatStore,
    hasRoom: db.hasRoom,
    committed: (events, arrivals) => {
      committed(events);
      publisher.after(() => counts.delivery.since(arrivals));
    },
    counts,
    clock,
    at,
  });
  const removals = createRemovalStore(db);
  const leaving = createLeaving({ store: removals, committed, days: config.retentionDays, clock, log });
  const messages = createMessages({ rooms, writer, bucket, maxLength: config.messageMaxLength, at });
  const broadcast = (hints: Outgoing[]) => {
    publish(hints);
    bus.publish({ kind: "frames", frames: hints });
  };
  const reading = createReading({ rooms, store: roomStore, broadcast });
  const commands: Commands = chatCommands({ messages, reading, rooms, signals: bucketOfMine(SIGNALS), broadcast });

  const livingSession = createBatch({ size: 100, inFlight: 2 }, (ids: string[]) =>
    authStore.livingSessions(ids, new Date(clock.now())),
  );
  const handshake = createHandshake({
    identify: guard.identify,
    livingSession,
    limits,
    allowedOrigins: config.allowedOrigins,
    sockets,
    maxSockets: { ...config.maxSockets, all: roomForSockets(config.maxSockets.all, log) },
    now: clock.ticks,
  });
  const catchUp = createCatchUp(roomStore.catchUp);
  const { resume, prune: pruneResumes } = createResume({
    publisher,
    catchUp,
    presentNow: presence.presentNow,
    heads,
    epoch: streams.epoch,
    counts,
    clock,
    log,
  });
  const gateway = createGateway({
    sockets,
    publisher,
    heads,
    dispatch: createDispatch(log, at, counts),
    commands,
    admit: handshake.admit,
    resume,
    hello: ({ caller }) => helloFrame(caller, streams.epoch(), config, clock),
    deliveredSince: streams.deliveredSince,
    isEnded: (id) => revocations.has(id),
    presence,
    maxSocketsPerUser: config.maxSocketsPerUser,
    maxUnauthenticated: config.maxSockets.unauthenticated,
    maxFrameBytes: config.maxFrameBytes,
    gate: gateOf(config.messageRate),
    idleMs: config.presence.expiryMs,
    silenceMs: 4 * config.presence.heartbeatMs,
    counts,
    clock,
    log,
  });

  const metrics = createFigures({
    counts, db, bus, sockets, presence, streams, writer, publisher, livingSession, catchUp, guard, passwords, config: config.metrics, version,
  }); // prettier-ignore

  const processId = crypto.randomUUID();
  const live = createLive({ bus, clock, figures: () => figuresOf(processId, sockets, counts) });
  let draining = false;
  const http = createHttp({
    ...routesOf({
      config, db, accounts, passwords, sessionEnded, authStore, guard, limits, presence, chatStore, roomStore, messages, reading, rooms, committed, clock, audit,
      live: live.all,
      removal: createRemoval({ store: chatStore, removals, membersOf: roomStore.membersOf, committed }),
      written: createExport(db),
      exports: bucketOfMine(EXPORTS),
      openings: bucketOfMine(aMinute(config.limitsByUser.conversations)),
      metrics: metrics.beside,
      standing: () => ({
        draining,
        databaseAnswers: streams.silence() < 4_000,
        redis: redis ? (bus.isUp() ? "up" : "away") : "none",
      }),
    }), // prettier-ignore
    upgrade: handshake.upgrade,
    readClient: createClientReader(config.trustedProxies),
    allowedOrigins: config.allowedOrigins,
    maxPerAddress: config.maxSockets.perAddress,
    audit,
    counts,
    log,
  });

  await streams.start();
  // After the first look: what ends between the two is seen by the next.
  for (const id of await authStore.endedSince(new Date(revocations.since()))) revocations.add(id);
  stack.defer(() => streams.stop());
  await bus.subscribe((message) => {
    if (message.kind === "events") streams.arrived(message.events);
    else if (message.kind === "frames") publish(message.frames);
    else if (message.kind === "session_ended") revocations.add(message.sessionId, message.disabled);
    else if (message.kind === "figures") live.receive(message.message);
    else presence.receive(message.message);
  }, presence.echoed);
  stack.defer(() => presence.leave(0));
  await presence.start();
  const figures = metrics.apart && listenMetrics(config, metrics.apart);
  stack.defer(() => figures?.stop(true));
  const listening = (server = listen(config, http, gateway.websocket));
  if (!config.databaseUrl) stack.defer(await listenControl(config.dataDir, controlRoutes(db, passwords).fetch, log));
  stack.defer(clock.every(SWEEP_MS, gateway.sweep));
  stack.defer(
    clock.every(HOUSEKEEPING_MS, () => {
      heads.prune();
      pruneResumes();
      revocations.prune();
      bucket.prune();
      collect();
      closeExpired(authStore, revocations, sockets.sessions(), clock.now()).catch((error) =>
        log.warn({ err: error }, "old sessions were not cleared away"),
      );
    }),
  );
  stack.defer(leaving.start());

  const running = stack.move();
  const drain = async () => {
    draining = true;
    void listening.stop(); // Closes the listener; it may never resolve while sockets are open.
    await presence.leave(config.presence.graceMs + DRAIN_MS);
    await closeInWaves({ sockets, clock, reason: "restarting", overMs: DRAIN_MS, counts, settle: writer.idle });
    await until(() => listening.pendingRequests === 0, clock, STOP_DEADLINE_MS / 4);
    await until(() => listening.pendingWebSockets === 0, clock, STOP_DEADLINE_MS / 4);
    await running.disposeAsync();
  };
  let stopping: Promise<void> | undefined;
  return {
    port: listening.port!,
    routes: http.routes.flatMap(({ method, path }) => (method === "ALL" ? [] : `${method} ${path}`)),
    stop: () => (stopping ??= Promise.race([drain(), clock.sleep(STOP_DEADLINE_MS)])),
  };
}

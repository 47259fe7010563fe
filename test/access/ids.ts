/** What stands in the place of an id, kind by kind, and for whom it is one that they may use. */
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Person } from "../support/client.ts";
import type { World } from "./table.ts";

type Id = {
  id: (w: World, asks: Person) => string;
  fits: (w: World, asks: Person) => boolean;
  /** In a body, what is no id at all may be told so. In a path it is one more that does not exist. */
  malformed?: true;
};
export type Ids = Record<string, Id>;

const never = () => false;
const inTheirs = ({ people }: World, asks: Person) => asks.id === people.alice.id || asks.id === people.bob.id;
const inMallorys = ({ people }: World, asks: Person) => asks.id === people.mallory.id;
const sessionOf = ({ access }: Person): string =>
  JSON.parse(Buffer.from(access.split(".")[1]!, "base64url").toString()).sid;
const friendOf = ({ people }: World, asks: Person) =>
  asks.id === people.mallory.id ? people.carol : asks.id === people.alice.id ? people.bob : people.alice;

const talkOf = ({ people, ...w }: World, { id }: Person) =>
  id === people.dan.id
    ? w.dansAndAlices
    : id === people.erin.id
      ? w.erinAndMallorys
      : id === people.alice.id || id === people.bob.id
        ? w.theirs
        : w.malloryAndCarols;
const othersTalk = (w: World, asks: Person) => (talkOf(w, asks) === w.theirs ? w.malloryAndCarols : w.theirs);
/** A path's two ids: `<conversation>/messages/<message>`. */
const saidIn = (conversation: string, message: string) => `${conversation}/messages/${message}`;
const privateOf = ({ said }: World, { id }: Person) => said.get(id)!.private.pop()!;

/** What stands in the place of an id, and for whom it is one that they may use. All others must answer alike. */
export const IDS = {
  conversation: {
    "Alice's and Bob's": { id: (w) => w.theirs, fits: inTheirs },
    "Alice's and Bob's, in capitals": { id: (w) => w.theirs.toUpperCase(), fits: inTheirs },
    "Mallory's and Carol's": { id: (w) => w.malloryAndCarols, fits: inMallorys },
    "Dan's and Alice's": { id: (w) => w.dansAndAlices, fits: (w, asks) => asks.id === w.people.alice.id },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "no uuid": { id: () => "not-a-uuid", fits: never, malformed: true },
    "a uuid and a little more": { id: (w) => `${w.theirs}0`, fits: never, malformed: true },
    "the public room's": { id: () => GLOBAL_ROOM, fits: never },
    "a user's": { id: (w) => w.people.bob.id, fits: never },
    "a message's": { id: (w) => w.message, fits: never },
    "a session's": { id: (w) => w.sessionId, fits: never },
  },
  person: {
    "a friend's": { id: (w, asks) => friendOf(w, asks).id, fits: () => true },
    "a friend's, in capitals": { id: (w, asks) => friendOf(w, asks).id.toUpperCase(), fits: () => true },
    "no uuid": { id: () => "not-a-uuid", fits: never, malformed: true },
    "the public room's": { id: () => GLOBAL_ROOM, fits: never },
    "a disabled user's": { id: (w) => w.people.dan.id, fits: never },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "a conversation's": { id: (w) => w.theirs, fits: never },
    "a message's": { id: (w) => w.message, fits: never },
    "a session's": { id: (w) => w.sessionId, fits: never },
  },
  session: {
    "another of one's own": { id: ({ sessions }, asks) => sessions.get(asks.id)!.pop()!, fits: () => true },
    "another of one's own, in capitals": {
      id: ({ sessions }, asks) => sessions.get(asks.id)!.pop()!.toUpperCase(),
      fits: () => true,
    },
    "somebody else's": { id: (w, asks) => w.sessions.get(friendOf(w, asks).id)![0]!, fits: never },
    "one that is over": { id: (w) => sessionOf(w.ended), fits: never },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "no uuid": { id: () => "not-a-uuid", fits: never, malformed: true },
    "a user's": { id: (_, asks) => asks.id, fits: never },
    "a message's": { id: (w) => w.message, fits: never },
  },
  /** For admins: anyone's. */
  account: {
    "a user's": { id: (w) => w.people.bob.id, fits: () => true },
    "a disabled user's": { id: (w) => w.people.dan.id, fits: () => true },
    "one's own": { id: (_, asks) => asks.id, fits: () => true },
  },
  room: {
    "somebody's conversation": { id: (w) => w.theirs, fits: () => true },
    "the public room": { id: () => "global", fits: () => true },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "the public room's own id": { id: () => GLOBAL_ROOM, fits: never },
    "no uuid": { id: () => "not-a-uuid", fits: never },
    "a user's": { id: (w) => w.people.bob.id, fits: never },
  },
  message: {
    "one's own": { id: (w, asks) => saidIn(talkOf(w, asks), privateOf(w, asks)), fits: () => true },
    "one's own, in capitals": {
      id: (w, asks) => saidIn(talkOf(w, asks).toUpperCase(), privateOf(w, asks).toUpperCase()),
      fits: () => true,
    },
    "somebody else's": { id: (w, asks) => saidIn(talkOf(w, asks), privateOf(w, friendOf(w, asks))), fits: never },
    "one's own, as if it were in a foreign conversation": {
      id: (w, asks) => saidIn(othersTalk(w, asks), privateOf(w, asks)),
      fits: never,
    },
    "one of a foreign conversation": {
      id: (w, asks) =>
        saidIn(othersTalk(w, asks), talkOf(w, asks) === w.theirs ? privateOf(w, w.people.carol) : w.message),
      fits: never,
    },
    "one in no conversation": { id: (w, asks) => saidIn(crypto.randomUUID(), privateOf(w, asks)), fits: never },
    "one that does not exist": { id: (w, asks) => saidIn(talkOf(w, asks), crypto.randomUUID()), fits: never },
    "no uuid": { id: (w, asks) => saidIn(talkOf(w, asks), "7"), fits: never, malformed: true },
    "a user's": { id: (w, asks) => saidIn(talkOf(w, asks), asks.id), fits: never },
  },
  publicMessage: {
    "one's own": { id: (w, asks) => w.said.get(asks.id)!.global.pop()!, fits: () => true },
    "somebody else's": { id: (w, asks) => w.said.get(friendOf(w, asks).id)!.global[0]!, fits: never },
    "one that does not exist": { id: () => "999999999", fits: never },
    zero: { id: () => "0", fits: never, malformed: true },
    "below zero": { id: () => "-1", fits: never, malformed: true },
    "more than a number can hold": { id: () => "99999999999999999999", fits: never, malformed: true },
    "one's own of a conversation": { id: (w) => w.message, fits: never, malformed: true },
  },
} satisfies Record<string, Ids>;

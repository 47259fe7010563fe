/** What a page asks its service worker to tell: a message of a room. */
export type Notice = { stream: string; seq: number; title: string; body: string };
/** That it takes away what it told of all rooms but these. */
export type StillUnread = { unread: string[] };

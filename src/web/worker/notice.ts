/** What a page asks its service worker to tell: a message of a room. */
export type Notice = { stream: string; id: string | number; seq: number; title: string; body: string };
/** That it takes away what it told of all rooms but these, and of messages that are gone. Pages of an older version name none. */
export type StillUnread = { unread: string[]; gone?: Notice["id"][] };

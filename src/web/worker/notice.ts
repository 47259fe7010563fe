/** What a page asks its service worker to tell: a message of a room. */
export type Notice = { stream: string; seq: number; title: string; body: string };

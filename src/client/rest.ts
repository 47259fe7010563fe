import type { ChatMessage } from "../protocol/frames.ts";
import type { Conversation, Page, User } from "../protocol/models.ts";
import { ChatError } from "./errors.ts";
import type { Http } from "./http.ts";
import { fromWire, type Message } from "./messages.ts";
import type { Session } from "./session.ts";

export type Rest = ReturnType<typeof createRest>;

/** The REST calls, with the session's token. All throw {@link ChatError}. */
export function createRest(http: Http, session: Session) {
  /** A 401 refreshes the token and tries once more: the server may have ended it early. */
  async function request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<T> {
    const user = session.user()?.id;
    const token = await session.access();
    const send = (token: string) => http<T>(method, path, { body, token, ...(headers && { headers }) });
    try {
      return await send(token);
    } catch (error) {
      if (!(error instanceof ChatError && error.code === "unauthenticated") || session.user()?.id !== user) throw error;
      return send(await session.refresh(token));
    }
  }

  const pathOf = (stream: string) =>
    `/api/chat/${stream === "global" ? "global" : `conversations/${stream}`}/messages/`;

  return {
    request,
    /** Active users but oneself, whose name contains `search`; pages begin with 1 and have 20 users. */
    users: (search = "", page = 1) =>
      request<Page<User>>("GET", `/api/auth/users/?${new URLSearchParams({ search, page: `${page}` })}`),
    /** Latest activity first, 100 a page. */
    conversations: (page = 1) =>
      request<Page<Conversation>>("GET", `/api/chat/conversations/?page=${page}&page_size=100`),
    openConversation: async (userId: string) =>
      (await request<{ conversation: Conversation }>("POST", "/api/chat/conversations/create/", { user_id: userId }))
        .conversation,
    /** Oldest first; without `before`, the latest. */
    messages: async (stream: string, { limit, before }: { limit: number; before?: Message["id"] }) => {
      const query = new URLSearchParams({ limit: `${limit}`, ...(before !== undefined && { before: `${before}` }) });
      return (await request<ChatMessage[]>("GET", `${pathOf(stream)}?${query}`)).map(fromWire);
    },
    remove: (stream: string, id: Message["id"]) => request<void>("DELETE", `${pathOf(stream)}${id}/`),
  };
}

import { useSignal } from "@preact/signals";
import type { AdminMessage, AdminRoom } from "../../protocol/admin.ts";
import { Avatar, Icon, Name } from "../app/parts.tsx";
import { api, question } from "./api.ts";
import { Rest, Search, usePages, When } from "./lists.tsx";

const nameOf = ({ participants }: Pick<AdminRoom, "participants">) =>
  participants.length ? participants.map(({ username }) => username).join(", ") : "Everyone";

export function Rooms({ open }: { open: (room: AdminRoom) => void }) {
  const search = useSignal("");
  const pages = usePages<AdminRoom, number>(
    () => search.value,
    async (page) => {
      const { results, next } = await api.rooms(search.value.trim(), page ?? 1);
      return [results, next === null ? null : (page ?? 1) + 1];
    },
    ({ stream }) => stream,
  );
  return (
    <>
      <Search label="Find a room by who is in it" text={search} />
      <ul class="table">
        {pages.rows.value.map((room) => (
          <li key={room.stream}>
            {room.participants.length ? (
              <span class="pair">
                {room.participants.map(({ id, username }) => (
                  <Avatar key={id} id={id} name={username} />
                ))}
              </span>
            ) : (
              <span class="avatar of-room" aria-hidden="true">
                <Icon name="room" />
              </span>
            )}
            <div class="facts">
              <h3>
                <Name of={nameOf(room)} />
              </h3>
              <p>
                {room.head_seq.toLocaleString()} {room.head_seq === 1 ? "event" : "events"} · last{" "}
                <When at={room.updated_at} />
              </p>
            </div>
            <div class="acts">
              <button type="button" class="link" aria-label={`Messages: ${nameOf(room)}`} onClick={() => open(room)}>
                Messages
              </button>
            </div>
          </li>
        ))}
      </ul>
      <Rest of={pages} none="No such room." />
    </>
  );
}

export function Messages({ room, back }: { room: AdminRoom; back: () => void }) {
  const search = useSignal("");
  const gone = useSignal<ReadonlySet<AdminMessage["id"]>>(new Set());
  const pages = usePages<AdminMessage, number>(
    () => search.value,
    async (before) => {
      const page = await api.messages(room.stream, search.value.trim(), before);
      return [page.results, page.before];
    },
    ({ id }) => id,
  );

  function ask(message: AdminMessage): void {
    question.value = {
      title: "Remove this message?",
      about: `It disappears for everyone, for good: “${message.text.slice(0, 120)}${message.text.length > 120 ? "…" : ""}”`,
      does: "Remove",
      run: async (password) => {
        await api.remove(room.stream, message.id, password);
        gone.value = new Set(gone.value).add(message.id);
        return undefined;
      },
    };
  }

  return (
    <>
      <p class="where">
        <button type="button" class="link" onClick={back}>
          Rooms
        </button>{" "}
        / <Name of={nameOf(room)} />
      </p>
      <Search label="Find in this room" text={search} />
      <ul class="table">
        {pages.rows.value
          .filter(({ id }) => !gone.value.has(id))
          .map((message) => (
            <li key={message.id}>
              <Avatar id={message.sender.id} name={message.sender.username} />
              <div class="facts">
                <h3>
                  <Name of={message.sender.username} /> <When at={message.timestamp} />
                </h3>
                <p class="said" dir="auto">
                  {message.text}
                </p>
              </div>
              <div class="acts">
                <button
                  type="button"
                  class="link"
                  aria-label={`Remove: ${message.text.slice(0, 60)}`}
                  onClick={() => ask(message)}
                >
                  Remove
                </button>
              </div>
            </li>
          ))}
      </ul>
      <Rest of={pages} none="Nothing like that was said here." />
    </>
  );
}

import { useSignal } from "@preact/signals";
import type { Room } from "../../client/index.ts";
import { isOnline, listed, opened, partnerOf, visited } from "./chat.ts";
import { closeDialog, Dialog } from "./dialog.tsx";
import { go } from "./keys.ts";
import { Avatar, Badge, Icon, Name } from "./parts.tsx";
import { usePeople } from "./people.tsx";
import { Picker } from "./picker.tsx";
import { words } from "./words/index.ts";

const nameOf = (room: Readonly<Room>) => partnerOf(room)?.username ?? words.value.everyone;

/** Rooms that were looked at last come first, and the one that is looked at, last: Enter goes back to where one was. */
function recent(): Readonly<Room>[] {
  const place = ({ stream }: Readonly<Room>) => {
    if (stream === opened.value) return Infinity;
    const at = visited.indexOf(stream);
    return at < 0 ? visited.length : at;
  };
  return listed()
    .filter((room) => room.kind === "global" || partnerOf(room))
    .map((room) => ({ room, at: place(room) }))
    .sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0))
    .map(({ room }) => room);
}

/** Goes to a room or a person by a part of the name. */
export function Switcher() {
  const query = useSignal("");

  function leave(stream: string): void {
    // First, since it gives the focus back.
    closeDialog();
    go(stream);
  }
  const people = usePeople(leave);
  const w = words.value.keys;

  const wanted = query.value.trim().toLowerCase();
  const rooms = recent().filter((room) => nameOf(room).toLowerCase().includes(wanted));
  const met = new Set(listed().map((room) => partnerOf(room)?.id));
  const choices = [
    ...rooms.map((room) => ({ key: room.stream, shown: <RoomRow room={room} />, choose: () => leave(room.stream) })),
    ...people.choices.filter(({ key }) => !met.has(key)),
  ];
  return (
    <Dialog name="switcher" label={w.goTo}>
      <Picker
        name="places"
        label={w.goTo}
        list={w.places}
        query={query.value}
        change={(text) => {
          query.value = text;
          people.ask(text.trim());
        }}
        isOpen
        choices={choices}
        settled={people.settled}
        said={people.problem || (people.settled && !choices.length && w.nothing)}
      />
    </Dialog>
  );
}

function RoomRow({ room }: { room: Readonly<Room> }) {
  const partner = partnerOf(room);
  return (
    <>
      {partner ? (
        <Avatar id={partner.id} name={partner.username} online={isOnline(partner.id)} />
      ) : (
        <span class="avatar of-room" aria-hidden="true">
          <Icon name="room" />
        </span>
      )}
      <span class="row-text">
        <span class="row-title">
          <Name of={nameOf(room)} />
          <Badge count={room.unread} />
        </span>
      </span>
    </>
  );
}

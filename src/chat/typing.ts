import type { Outgoing, Person } from "../deps.ts";
import { encode, type Rooms } from "./rooms.ts";

/** Who is to see that somebody types: the others of that room. */
export async function typing(
  rooms: Rooms,
  who: Person,
  room: string,
  status: "typing" | "stopped",
): Promise<Outgoing[]> {
  const members = await rooms.membersFor(who.id, room);
  const frame = encode({
    type: "typing_indicator",
    user_id: who.id,
    username: who.username,
    conversation_id: room,
    status,
  });
  return members.filter((user) => user !== who.id).map((user) => ({ endpoint: "private", user, frame }));
}

import type { Outgoing, Person } from "../deps.ts";
import { encode, type Rooms } from "./rooms.ts";

/** Who is to see that somebody types: the others of that room. */
export async function typing(
  rooms: Rooms,
  { id, username }: Person,
  room: string,
  status: "typing" | "stopped",
): Promise<Outgoing[]> {
  const members = await rooms.membersFor(id, room);
  const indicator = { type: "typing_indicator", user_id: id, username, status } as const;
  const older = encode({ ...indicator, conversation_id: room });
  const frame = encode({ ...indicator, stream: room });
  return members.flatMap((user): Outgoing[] =>
    user === id
      ? []
      : [
          { endpoint: "private", user, frame: older },
          { endpoint: "chat", user, frame },
        ],
  );
}

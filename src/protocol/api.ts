/** What the REST API accepts. Unknown keys are dropped. */
import { z } from "zod";

const text = z.string().refine((value) => value.isWellFormed() && !value.includes("\0"), "must be plain text");

export const id = z.uuid().transform((value) => value.toLowerCase());

export const signup = z.object({
  username: text,
  password: text,
  password_confirm: text,
  email: z
    .union([z.literal("").transform(() => null), z.email().max(254)])
    .nullish()
    .transform((value) => value ?? null),
});

export const login = z.object({ username: text, password: text });

export const refresh = z.object({ refresh: z.string() });

export const search = z.object({
  search: text.refine((value) => [...value].length <= 64, "at most 64 characters").default(""),
});

export const createConversation = z.object({ user_id: id });

/** `{message_ids}` or `{up_to}`. */
export const read = z.union([
  z.object({ message_ids: z.array(id).min(1).max(500) }),
  z.object({ up_to: id }).transform(({ up_to }) => ({ message_ids: [up_to] })),
]);

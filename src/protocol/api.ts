/** What the REST API accepts. Unknown keys are dropped. */
import { z } from "zod";

/** Text that can be stored. */
export const text = z.string().refine((value) => value.isWellFormed() && !value.includes("\0"), "must be plain text");

/** Any UUID, of whatever version. */
export const id = z.guid().transform((value) => value.toLowerCase());

/** Any JSON object. */
export const object = z.record(z.string(), z.unknown());

export const signup = z.object({
  username: text,
  password: text,
  password_confirm: text,
  /** An empty text is none: forms send it. */
  email: z
    .union([z.email().max(254), z.literal("")], "Invalid email address")
    .nullish()
    .transform((value) => value || null),
});

export const login = z.object({ username: text, password: text });

export const password = z.object({ password: text, new_password: text });

/** By the token of a one-time link. */
export const reset = z.object({ token: z.string(), password: text });

/** `erase`: all that they ever wrote goes too. */
export const remove = z.object({ password: text, erase: z.boolean().optional() });

export const refresh = z.object({ refresh: z.string() });

export const search = z.object({
  search: text
    .refine((value) => [...value].length <= 64, "at most 64 characters")
    .default("")
    .meta({ description: "A part of the name, without regard to case.", maxLength: 64 }),
});

export const send = z.object({ content: z.string() });

/** The `Idempotency-Key` of a send, in the same space as a frame's `client_id`. */
export const clientId = text
  .refine((value) => value.length >= 1 && value.length <= 64, "must have 1 to 64 characters")
  .meta({
    description: "Chosen by the client, once for each message: then it can be sent again.",
    minLength: 1,
    maxLength: 64,
  })
  .optional();

export const sendHeaders = z.object({ "idempotency-key": clientId });

export const createConversation = z.object({ user_id: id });

/** `{message_ids}` or `{up_to}`, as a list of ids. */
export const read = z
  .object({ message_ids: z.array(id).min(1).max(500).optional(), up_to: id.optional() })
  .transform(({ message_ids, up_to }, context) => {
    if (message_ids) return message_ids;
    if (up_to) return [up_to];
    context.addIssue({ code: "custom", path: ["message_ids"], message: "message_ids or up_to is required" });
    return z.NEVER;
  });

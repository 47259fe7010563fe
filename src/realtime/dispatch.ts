import type { Faults } from "../deps.ts";
import { Refusal, toRefusal } from "../errors.ts";
import { createCounts, type Counts } from "../ops/counts.ts";
import type { Log } from "../ops/log.ts";
import { CLIENT_FRAMES, type Endpoint, type ServerFrame } from "../protocol/frames.ts";

type Answer = { done: Promise<string | undefined> } | undefined;
/** What to do with a frame of a type that was parsed; undefined for a type that this socket does not know. */
export type Handler = ((frame: never) => Promise<Answer>) | undefined;

export type Dispatch = ReturnType<typeof createDispatch>;

/** From the text of a frame to its handler. Every refusal is told, as an error frame that carries the `client_id` it came with. */
export function createDispatch(log: Log, at: Faults, counts = createCounts()) {
  /** Resolves when the socket's next frame may go on; `reply` may be called later, or never. */
  return async function dispatch(
    endpoint: Endpoint,
    text: string,
    handlerOf: (type: string) => Handler,
    reply: (frame: string) => void,
  ): Promise<void> {
    let clientId: string | undefined;
    const refuse = (error: unknown) => reply(errorFrame(error, clientId, log, counts));
    try {
      const frame = readObject(text);
      if (typeof frame.client_id === "string") clientId = frame.client_id.toWellFormed().slice(0, 64);
      const schemas: Record<string, (typeof CLIENT_FRAMES)["private"]["typing_stop"] | undefined> = CLIENT_FRAMES[
        endpoint
      ] as never;
      const type = typeof frame.type === "string" && Object.hasOwn(schemas, frame.type) ? frame.type : null;
      if (!type) throw new Refusal("unknown_type", "This socket knows no frame of this type.");
      const parsed = schemas[type]!.safeParse(frame);
      if (!parsed.success) {
        throw new Refusal(
          "invalid_field",
          parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "),
        );
      }
      const outcome = await handlerOf(type)!(parsed.data as never);
      outcome?.done.then((answer) => {
        if (answer) reply(answer);
        at("answered");
      }, refuse);
    } catch (error) {
      refuse(error);
    }
  };
}

export function errorFrame(error: unknown, clientId: string | undefined, log: Log, counts: Counts): string {
  const refusal = toRefusal(error);
  counts.refusals.socket[refusal.code]++;
  // That the database is away is told once, elsewhere, not for every frame of a flood.
  if (refusal.code === "internal") log.error({ err: error }, "a frame failed");
  else if (refusal.code === "unavailable") log.debug({ err: error }, "a frame could not be served");
  const frame: ServerFrame = {
    type: "error",
    code: refusal.code,
    detail: refusal.detail,
    ...(clientId !== undefined && { client_id: clientId }),
    ...(refusal.retryAfterMs !== undefined && { retry_after_ms: refusal.retryAfterMs }),
  };
  return JSON.stringify(frame);
}

function readObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal("bad_json", "A frame is one JSON object.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Refusal("bad_json", "A frame is one JSON object.");
  return value as Record<string, unknown>;
}

/** What the server may say: the schemas of its documents (src/protocol), as tests look them up. */
import { z } from "zod";
import { ROUTES } from "../../src/protocol/routes.ts";

export { problem } from "../../src/protocol/answers.ts";
export { SERVER_FRAMES as FRAMES } from "../../src/protocol/server-frames.ts";

const nothing = z.literal("");

/** Every route as the server names it, with the body of each status that is no error. */
export const ANSWERS: Record<string, Record<number, z.ZodType>> = Object.fromEntries(
  Object.entries(ROUTES).map(([route, { answers }]) => [
    route,
    Object.fromEntries(Object.entries(answers).map(([status, { body }]) => [status, body ?? nothing])),
  ]),
);

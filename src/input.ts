import type { z } from "zod";
import { type FieldError, Refusal } from "./errors.ts";

const MAX_BODY_BYTES = 256 * 1024;
/** A body that still comes after this is cut; one that has stopped coming is cut by the runtime. */
const MAX_BODY_MS = 15_000;

/** The JSON body of a request, checked. Bytes that are no UTF-8 are refused rather than replaced: what is stored is what was sent. */
export async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    throw new Refusal("unsupported_media_type", "Send JSON, with the header Content-Type: application/json.");
  // What unpacks to a thousand times its size is not unpacked.
  if ((request.headers.get("content-encoding") || "identity").trim().toLowerCase() !== "identity")
    throw new Refusal("unsupported_media_type", "Send the body as it is, without Content-Encoding.");
  return check(schema, parseJson(await readBytes(request)));
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const tooLarge = () => new Refusal("too_large", `A request body may have at most ${MAX_BODY_BYTES} bytes.`);
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) throw tooLarge();
  const until = performance.now() + MAX_BODY_MS;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.byteLength;
      if (length > MAX_BODY_BYTES) throw tooLarge();
      if (performance.now() > until)
        throw new Refusal("bad_json", "The body came too slowly.", { headers: { Connection: "close" } });
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("bad_json", "The body broke off."); // The client hung up; nobody reads this.
  }
  return Buffer.concat(chunks);
}

export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue) => fieldError(issue, value));
  throw new Refusal("invalid_field", errors.map((e) => (e.field ? `${e.field}: ${e.message}` : e.message)).join("; "), {
    errors,
  });
}

/** Checks the fields one by one, so that what is right in them can be judged beside what is wrong. */
export function checkEach<Shape extends z.core.$ZodShape>(
  schema: z.ZodObject<Shape>,
  value: Record<string, unknown>,
): { data: Partial<z.output<z.ZodObject<Shape>>>; errors: FieldError[] } {
  const data: Record<string, unknown> = {};
  const errors: FieldError[] = [];
  for (const [field, type] of Object.entries(schema.shape)) {
    const result = (type as unknown as z.ZodType).safeParse(value[field]);
    if (result.success) data[field] = result.data;
    else
      errors.push(...result.error.issues.map((issue) => fieldError({ ...issue, path: [field, ...issue.path] }, value)));
  }
  return { data: data as Partial<z.output<z.ZodObject<Shape>>>, errors };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal("bad_json", "The body is not valid JSON in UTF-8.");
  }
}

function fieldError(issue: z.core.$ZodIssue, value: unknown): FieldError {
  const field = issue.path.map(String).join(".");
  if (field && at(value, issue.path) === undefined)
    return { field, code: "required", message: "This field is required." };
  return { field, code: "invalid", message: issue.message };
}

function at(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

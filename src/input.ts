import type { z } from "zod";
import { type FieldError, Refusal } from "./errors.ts";

const MAX_BODY_BYTES = 256 * 1024;

/** The JSON body of a request, checked. Bytes that are no UTF-8 are refused rather than replaced: what is stored is what was sent. */
export async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    throw new Refusal("unsupported_media_type", "Send JSON, with the header Content-Type: application/json.");
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY_BYTES)
    throw new Refusal("too_large", `A request body may have at most ${MAX_BODY_BYTES} bytes.`);
  return check(schema, parseJson(bytes));
}

export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => fieldErrors(issue, value));
  throw new Refusal("invalid_field", errors.map((e) => (e.field ? `${e.field}: ${e.message}` : e.message)).join("; "), {
    errors,
  });
}

function parseJson(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal("bad_json", "The body is not valid JSON in UTF-8.");
  }
}

function fieldErrors(issue: z.core.$ZodIssue, value: unknown): FieldError[] {
  if (issue.code === "invalid_union" && issue.errors.length) {
    const nearest =
      issue.errors.find((issues) => issues.some((i) => at(value, i.path) !== undefined)) ?? issue.errors[0]!;
    return nearest.flatMap((inner) =>
      fieldErrors({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue, value),
    );
  }
  const field = issue.path.map(String).join(".");
  if (field && at(value, issue.path) === undefined)
    return [{ field, code: "required", message: "This field is required." }];
  return [{ field, code: "invalid", message: issue.message }];
}

function at(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

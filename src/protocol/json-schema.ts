/** JSON Schemas for documents that keep their named ones in one place. */
import { z } from "zod";

export type Json = Record<string, unknown>;

/** Numbers that JSON can hold exactly are all integers; told each time, it would hide what matters. */
const withoutNoise = ({ jsonSchema }: { jsonSchema: Json }): void => {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
};

/** Makes schemas in one dialect, which refer to those that have a name (`meta({ id })`); these gather in `named`. */
export function createSchemas(target: "draft-2020-12" | "draft-7") {
  const named: Json = {};
  const schema = (type: z.ZodType, io: "input" | "output"): Json => {
    const made = z.toJSONSchema(type, { target, io, override: withoutNoise });
    const text = JSON.stringify(made).replace(/"#\/(\$defs|definitions)\//g, '"#/components/schemas/');
    const { $schema: _, $defs, definitions, id, ...rest } = JSON.parse(text) as Json;
    Object.assign(named, $defs, definitions);
    if (typeof id !== "string") return rest;
    named[id] = rest;
    return { $ref: `#/components/schemas/${id}` };
  };
  return { named, schema };
}

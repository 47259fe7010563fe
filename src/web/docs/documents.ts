/** What this page reads of the two documents. */

export type Schema = {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  format?: string;
  description?: string;
  examples?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: Schema | boolean;
};
type Content = Record<string, { schema: Schema }>;
type Response = { $ref?: string; description: string; content?: Content };
type Parameter = { name: string; in: string; required: boolean; description?: string; schema: Schema };
export type Operation = {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: object[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, Response>;
};
export type Http = {
  info: { version: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
};
type Message = { name: string; summary: string; payload: Schema };
export type Channel = {
  address: string;
  title: string;
  description: string;
  messages: Record<string, Message>;
  "x-close-codes": Record<string, string>;
};
export type Sockets = { channels: Record<string, Channel> };

export const needsToken = ({ security }: Operation): boolean =>
  security.some((one) => "accessToken" in one || "metricsToken" in one);

/** One line that says what may stand there: `string | null`, `[User]`, `"global"`. */
export function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split("/").at(-1)!;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" | ");
  if (schema.type === "array") return `[${typeOf(schema.items ?? {})}]`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object")
    return `{…: ${typeOf(schema.additionalProperties)}}`;
  const type = [schema.type ?? "any"].flat().join(" | ");
  return schema.format === "email" || schema.format === "uuid" ? schema.format : type;
}

/** The fields of an object, wherever they stand. */
export function fieldsOf(schema: Schema, named: Record<string, Schema>): [name: string, Schema, required: boolean][] {
  const whole = schema.$ref ? named[schema.$ref.split("/").at(-1)!] : (schema.anyOf?.[0] ?? schema);
  return Object.entries(whole?.properties ?? {}).map(([name, one]) => [name, one, whole!.required?.includes(name) ?? false]); // prettier-ignore
}

/** Something to begin with: what is required, empty. */
export function sampleOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.examples) return schema.examples[0];
  if (schema.anyOf) return sampleOf(schema.anyOf[0]!);
  const type = [schema.type].flat()[0];
  if (type === "object")
    return Object.fromEntries(
      Object.entries(schema.properties ?? {})
        .filter(([name]) => schema.required?.includes(name))
        .map(([name, one]) => [name, sampleOf(one)]),
    );
  if (type === "array") return [];
  if (type === "number" || type === "integer") return 0;
  return type === "boolean" ? false : "";
}

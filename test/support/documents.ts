/** The documents that the server hands out, as judges of all that any test sends and is told. */
import Ajv, { type ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import type { z } from "zod";
import { asyncapi } from "../../src/protocol/asyncapi.ts";
import { CLIENT_FRAMES, type Endpoint } from "../../src/protocol/frames.ts";
import type { Json } from "../../src/protocol/json-schema.ts";
import { openapi } from "../../src/protocol/openapi.ts";

type Response = { $ref?: string; headers?: Record<string, { $ref: string }>; content?: Record<string, object> };
type Operation = { requestBody?: object; responses: Record<string, Response> };
type Http = {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Response>; headers: Record<string, { required: boolean }> };
};

const http = openapi("test") as Json & Http;
const sockets = asyncapi("test") as Json & { channels: Record<Endpoint, { messages: Record<string, object> }> };
// Formats are the schemas' own matter (shapes.ts); the pattern of a document's must do.
const options = { strict: false, validateFormats: false, validateSchema: false };
const judges = {
  http: new Ajv2020(options).addSchema(http, "http"),
  sockets: new Ajv(options).addSchema(sockets, "sockets"),
};
const compiled = new Map<string, ValidateFunction>();

/** Throws what a part of a document says against a value. */
function judge(document: keyof typeof judges, path: string[], where: string, value: unknown): void {
  const ref = `${document}#/${path.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;
  const fits = compiled.get(ref) ?? judges[document].compile({ $ref: ref });
  compiled.set(ref, fits);
  if (!fits(value))
    throw new Error(`${where} is not as documented: ${judges[document].errorsText(fits.errors)} in ${JSON.stringify(value)?.slice(0, 300)}`); // prettier-ignore
}

/**
 * `/api/chat/conversations/{id}/` is the path of `/api/chat/conversations/<anything>`; the more literal one wins, as in the server, also where
 * it does not take the method. Of those that are equally literal the one that takes it does.
 */
export function documentedPath(path: string, method = ""): string | undefined {
  const parts = split(path);
  const fits = (pattern: string) => {
    const names = split(pattern);
    return names.length === parts.length && names.every((n, i) => (n.startsWith("{") ? parts[i] : n === parts[i]));
  };
  const rank = (pattern: string) => 2 * pattern.split("{").length - (http.paths[pattern]![method] ? 1 : 0);
  return Object.keys(http.paths)
    .filter(fits)
    .sort((a, b) => rank(a) - rank(b))[0];
}
const split = (path: string) => path.replace(/\/$/, "").split("/");

/** What was seen of what is documented: `get /api/auth/me/ 200`, `chat server.ack`. */
const seen = new Set<string>();

type Told = { status: number; body: unknown; contentType: string; headers?: Headers };

/** Throws where an answer is not in the document, or is other than there. An address that is none may be refused as it likes. */
export function judgeAnswer(method: string, path: string, sent: unknown, told: Told): void {
  const pattern = documentedPath(path, method.toLowerCase());
  const operation = pattern && http.paths[pattern]![method.toLowerCase()];
  if (!operation) {
    if ([401, 403, 404, 405, 429].includes(told.status) || method === "OPTIONS") return;
    throw new Error(`${method} ${path} ${told.status} is not documented`);
  }
  // Where nobody has set a token.
  if (pattern === "/metrics" && told.status === 404) return;
  const where = `${method} ${pattern} ${told.status}`;
  const found = operation.responses[told.status];
  if (!found) throw new Error(`${where} is not documented`);
  seen.add(`${method.toLowerCase()} ${pattern} ${told.status}`);
  const name = found.$ref?.split("/").at(-1);
  const at = name
    ? ["components", "responses", name]
    : ["paths", pattern, method.toLowerCase(), "responses", String(told.status)];
  const response = name ? http.components.responses[name]! : found;
  for (const header of Object.keys(response.headers ?? {}))
    if (told.headers && http.components.headers[header]!.required && !told.headers.has(header))
      throw new Error(`${where} comes without ${header}`);
  if (method === "HEAD") return;
  const [type] = Object.keys(response.content ?? {});
  if ((type ?? "") !== told.contentType.split(";")[0]) throw new Error(`${where} is documented as ${type}`);
  if (type) judge("http", [...at, "content", type, "schema"], where, told.body);
  if (told.status < 300 && operation.requestBody && typeof sent === "object" && sent !== null)
    judge("http", ["paths", pattern, method.toLowerCase(), "requestBody", "content", "application/json", "schema"], `what was sent to ${where}`, sent); // prettier-ignore
}

/** Throws where a frame of the server's is not in the document, or is other than there. */
export function judgeFrame(endpoint: Endpoint, frame: { type: string }): void {
  const name = `server.${frame.type}`;
  const where = `/ws/chat/${endpoint} ${frame.type}`;
  if (!sockets.channels[endpoint].messages[name]) throw new Error(`${where} is not documented`);
  seen.add(`${endpoint} ${name}`);
  judge("sockets", ["channels", endpoint, "messages", name, "payload"], where, frame);
}

/** Throws where a frame that the server would take is not in the document. */
export function judgeSent(endpoint: Endpoint, frame: unknown): void {
  const type = String((frame as { type?: unknown } | null)?.type);
  const schemas: Record<string, z.ZodType> = CLIENT_FRAMES[endpoint];
  if (!Object.hasOwn(schemas, type) || !schemas[type]!.safeParse(frame).success) return;
  seen.add(`${endpoint} client.${type}`);
  judge("sockets", ["channels", endpoint, "messages", `client.${type}`, "payload"], `${endpoint} ${type}`, frame);
}

/** What is documented and was not seen, but for what any route may answer. */
export function unseen(): string[] {
  const statuses = Object.entries(http.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, { responses }]) =>
      Object.keys(responses)
        .filter((status) => !["429", "500", "503"].includes(status))
        .map((status) => `${method} ${path} ${status}`),
    ),
  );
  const frames = Object.entries(sockets.channels).flatMap(([endpoint, { messages }]) =>
    Object.keys(messages).map((name) => `${endpoint} ${name}`),
  );
  return [...statuses, ...frames].filter((one) => !seen.has(one) && !/^(head|options) /.test(one));
}

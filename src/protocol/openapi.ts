/** The HTTP API as an OpenAPI 3.1 document, from the schemas that requests and answers are held against. */
import type { z } from "zod";
import { problem } from "./answers.ts";
import { type Code, CODES } from "./codes.ts";
import { createSchemas, type Json } from "./json-schema.ts";
import { type Answer, EVERYWHERE, HEADERS, type Route, TAGS } from "./route.ts";
import { ROUTES } from "./routes.ts";

/** `/api/chat/conversations/:id` is `/api/chat/conversations/{id}/`: paths of the API end in a slash, though none need. */
const documentedPath = (route: string): string =>
  route
    .split(" ")[1]!
    .replace(/:(\w+)/g, "{$1}")
    .replace(/^(\/(?:api|ws)\/[^.]*[^./])$/, "$1/");

const SECURITY = {
  anybody: [],
  users: [{ accessToken: [] }],
  admins: [{ accessToken: [] }],
  operators: [{ metricsToken: [] }],
};

export function openapi(version: string): Json {
  const { named, schema } = createSchemas("draft-2020-12");
  const refusal = schema(problem, "output");
  const responses: Json = {};

  const parameters = (place: string, type: z.ZodObject | undefined): Json[] =>
    Object.entries(type?.shape ?? {}).map(([name, one]) => {
      const { description, ...rest } = schema(one as unknown as z.ZodType, "input");
      return {
        name: place === "header" ? HEADER_NAMES[name] : name,
        in: place,
        required: place === "path",
        ...(description !== undefined && { description }),
        schema: rest,
      };
    });

  const answer = ({ about, body, type = "application/json", headers = [] }: Answer): Json => ({
    description: about,
    headers: headersOf(...headers),
    ...(body && { content: { [type]: { schema: schema(body, "output") } } }),
  });

  /** By status, those that share one. */
  const refusals = (codes: readonly Code[]): Json =>
    Object.fromEntries(
      [...Map.groupBy(new Set(codes), (code) => CODES[code].status)].map(([status, those]) => {
        const name = those.join("_or_");
        responses[name] = {
          description: `${those.map((code) => CODES[code].title).join(", or ")}.`,
          headers: headersOf(...(status === 429 || status === 503 ? (["Retry-After"] as const) : [])),
          content: {
            "application/problem+json": { schema: { allOf: [refusal, { properties: { code: { enum: those } } }] } },
          },
        };
        return [status, { $ref: `#/components/responses/${name}` }];
      }),
    );

  function operation(name: string, route: Route): Json {
    const { tag, summary, about, may, path, query, headers, body, cookie, answers, refuses = [] } = route;
    const own = Object.fromEntries(Object.entries(answers).map(([status, one]) => [status, answer(one)]));
    const codes = [...(may === "anybody" ? [] : (["unauthenticated"] as const)), ...refuses, ...EVERYWHERE];
    const told = { ...refusals(codes), ...own };
    const all = [...parameters("path", path), ...parameters("query", query), ...parameters("header", headers)];
    return {
      operationId: operationId(name),
      tags: [tag],
      summary,
      ...(about && { description: about }),
      security: cookie ? orCookie(SECURITY[may]) : SECURITY[may],
      ...(all.length && { parameters: all }),
      ...(body && {
        requestBody: {
          required: !cookie,
          content: { "application/json": { schema: schema(body, "input") } },
        },
      }),
      responses: told,
    };
  }

  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries(ROUTES)) {
    const item = (paths[documentedPath(name)] ??= {});
    item[name.split(" ")[0]!.toLowerCase()] = operation(name, route);
  }
  for (const item of Object.values(paths)) addEverywhere(item);

  return {
    openapi: "3.1.0",
    info: {
      title: "LiquidChat",
      version,
      summary: "The HTTP API of a self-hosted chat.",
      description:
        "Paths work with and without the slash at their end. An address that is none is answered with 404 `not_found`, a method that a path does not take " +
        "with 405 `method_not_allowed` and `Allow`. Any request may bring an `X-Request-Id` and a `traceparent`. " +
        "A later version may tell more: ignore keys that you do not know.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "This server." }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: named,
      responses,
      headers: Object.fromEntries(
        Object.entries(HEADERS).map(([name, description]) => [
          name,
          { description, required: !SOMETIMES.has(name), schema: { type: "string" } },
        ]),
      ),
      securitySchemes: {
        accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "`access` of a log-in." },
        refreshCookie: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-lc_refresh",
          description: "For pages of this server, with `X-Session: cookie`. Over plain HTTP it is `lc_refresh`.",
        },
        metricsToken: { type: "http", scheme: "bearer", description: "METRICS_TOKEN, the operator's." },
      },
    },
  };
}

/** `POST /api/auth/token/refresh` is `postAuthTokenRefresh`. */
const operationId = (name: string): string =>
  name
    .toLowerCase()
    .replace(" /api", "")
    .replace(/\W+(\w)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "");

const orCookie = (security: Json[]): Json[] =>
  (security.length ? security : [{}]).flatMap((one) => [one, { ...one, refreshCookie: [] }]);

const HEADER_NAMES: Record<string, string> = { "x-session": "X-Session", "idempotency-key": "Idempotency-Key" };
/** All others come always. */
const SOMETIMES = new Set<string>(["Link", "Set-Cookie"]);

const headersOf = (...names: (keyof typeof HEADERS)[]): Json =>
  Object.fromEntries(
    ([...names, "X-Request-Id"] as const).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );

/** What every path takes beside its own methods. */
function addEverywhere(item: Record<string, Json>): void {
  const { operationId, tags, parameters } = Object.values(item)[0]! as { parameters?: Json[] } & Json;
  const inPath = parameters?.filter((one) => one.in === "path");
  if (item.get)
    item.head = {
      ...item.get,
      operationId: `${item.get.operationId}Head`,
      summary: `${item.get.summary}: the head alone`,
      responses: Object.fromEntries(
        Object.entries(item.get.responses as Json).map(([status, told]) => [status, withoutBody(told as Json)]),
      ),
    };
  item.options = {
    operationId: `${operationId}Options`,
    tags,
    summary: "The methods of this path",
    security: [],
    ...(inPath?.length && { parameters: inPath }),
    responses: { 204: { description: "They are in `Allow`.", headers: headersOf("Allow") } },
  };
}

const withoutBody = ({ content: _content, ...rest }: Json): Json => rest;

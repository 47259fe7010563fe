/** The documents for programs, by their official schemas; what servers say is held against them in test/support/documents.ts. */
import { expect, test } from "bun:test";
import specs from "@asyncapi/specs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv";
import { asyncapi } from "../../src/protocol/asyncapi.ts";
import { openapi } from "../../src/protocol/openapi.ts";
import { ROUTES } from "../../src/protocol/routes.ts";
import { documentedPath, judgeAnswer, judgeFrame, judgeSent } from "../support/documents.ts";

test("an address is judged as the most literal one, whatever the method, and among equals as the one that takes it", () => {
  expect(documentedPath("/api/chat/conversations/create/", "get")).toBe("/api/chat/conversations/create/");
  expect(documentedPath("/api/chat/conversations/user/read/", "post")).toBe("/api/chat/conversations/{id}/read/");
  expect(documentedPath("/api/chat/conversations/user/read/", "get")).toBe("/api/chat/conversations/user/{user_id}/");
});

test("the OpenAPI document is valid by the schema of OpenAPI 3.1, and has every route under a name of its own", async () => {
  const document = openapi("1.0.0") as { paths: Record<string, Record<string, { operationId: string }>> };
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect([errors, valid]).toEqual([undefined, true]);
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const route of Object.keys(ROUTES)) {
    const [method, path] = route.split(" ") as [string, string];
    expect([route, document.paths[documentedPath(path)!]?.[method.toLowerCase()] !== undefined]).toEqual([route, true]);
  }
});

test("the AsyncAPI document is valid by the schema of AsyncAPI 3.0", () => {
  // The schema brings the one of JSON Schema with it.
  const ajv = new Ajv({ meta: false, strict: false, validateSchema: false, validateFormats: false });
  const isValid = ajv.compile(specs.schemas["3.0.0"] as object);
  expect([isValid(asyncapi("1.0.0", "chat.example.org", "wss")), isValid.errors]).toEqual([true, null]);
  expect(isValid({ ...asyncapi("1.0.0"), channels: { x: { address: 7 } } })).toBe(false);
});

test("every name that a document refers to is in it", () => {
  for (const document of [openapi("1.0.0"), asyncapi("1.0.0")])
    for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g))
      expect([ref, ref!.split("/").reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document)]).toEqual([ref, expect.anything()]); // prettier-ignore
});

test("drift is seen: an answer, a status, a header and a frame that are not documented do not pass", () => {
  const said = (told: object, method = "GET", path = "/healthz", sent: unknown = undefined): string => {
    try {
      judgeAnswer(method, path, sent, {
        status: 200,
        body: { status: "ok" },
        contentType: "application/json",
        ...told,
      });
      return "fine";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(said({})).toBe("fine");
  expect(said({ body: { status: "ok", more: 1 } })).toContain("additional properties");
  expect(said({ status: 202 })).toContain("not documented");
  expect(said({ contentType: "text/plain" })).toContain("documented as application/json");
  expect(said({ headers: new Headers() })).toContain("without X-Request-Id");
  expect(said({}, "GET", "/api/new/")).toContain("not documented");
  expect(said({ body: { detail: "" } }, "POST", "/api/auth/password", { password: "x" })).toContain("what was sent");
  expect(() => judgeFrame("global", { type: "message" })).toThrow("not documented");
  expect(() => judgeFrame("chat", { type: "reconnect", after_ms: -1 } as { type: string })).toThrow(">= 0");
  expect(() => judgeSent("chat", { type: "ping", t: 1 })).not.toThrow();
});

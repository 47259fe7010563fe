/**
 * Every route: what the OpenAPI document is made of, and what every answer in any test is held against. A new route needs its line here, or in
 * one of the files that it is put together from.
 */
import { z } from "zod";
import { ADMIN_ROUTES } from "./admin.ts";
import * as say from "./answers.ts";
import { ok, type Answer, type Route } from "./route.ts";
import { ACCOUNT_ROUTES } from "./routes-accounts.ts";
import { CHAT_ROUTES } from "./routes-chat.ts";

const text = (about: string, type: string, start = ""): Answer => ({ about, type, body: z.string().startsWith(start) });
const json = z.looseObject({});

export const ROUTES: Record<string, Route> = {
  ...ACCOUNT_ROUTES,
  ...CHAT_ROUTES,
  ...ADMIN_ROUTES,
  ...Object.fromEntries(
    (
      [
        ["/ws/chat", "The one socket", "Speak the subprotocol `liquidchat.v2`, with the token as `bearer.<token>`."],
        ["/ws/chat/global", "The first version's socket of the public room", ""],
        ["/ws/chat/private", "The first version's socket of conversations", ""],
      ] as const
    ).map(([path, summary, about]): [string, Route] => [
      `GET ${path}`,
      {
        tag: "Sockets",
        summary,
        about: `${about} A bad token is accepted and closed with 4001, so that a browser can tell.`.trim(),
        may: "anybody",
        query: z.object({ token: z.string().optional().meta({ description: "The access token." }) }),
        answers: { 101: ok("A socket.") },
        refuses: ["invalid_field", "forbidden"],
      },
    ]),
  ),
  "GET /healthz": {
    tag: "Server",
    summary: "The process runs",
    may: "anybody",
    answers: { 200: ok("It does.", say.alive) },
  },
  "GET /readyz": {
    tag: "Server",
    summary: "It can serve",
    may: "anybody",
    answers: { 200: ok("It can, perhaps with less.", say.health), 503: ok("It cannot.", say.health) },
  },
  "GET /metrics": {
    tag: "Server",
    summary: "Figures for Prometheus",
    about: "Only where METRICS_TOKEN is set and METRICS_PORT is not; else there is no such route.",
    may: "operators",
    answers: { 200: text("The text format, version 0.0.4.", "text/plain", "# HELP") },
    refuses: ["not_found"],
  },
  "GET /api/openapi.json": {
    tag: "Server",
    summary: "This document",
    may: "anybody",
    answers: { 200: ok("OpenAPI 3.1.", json) },
  },
  "GET /api/asyncapi.json": {
    tag: "Server",
    summary: "What is said on sockets",
    may: "anybody",
    answers: { 200: ok("AsyncAPI 3.0.", json) },
  },
  "GET /manifest.webmanifest": {
    tag: "Pages",
    summary: "What it takes to install the page",
    may: "anybody",
    answers: {
      200: {
        ...ok("It.", z.looseObject({ name: z.string(), start_url: z.literal("/") })),
        type: "application/manifest+json",
      },
    },
  },
  ...Object.fromEntries(
    [
      ["/api/docs", "This document to read and to try", "text/html", "<!doctype html>"] as const,
      ["/admin", "Administration", "text/html", "<!doctype html>"] as const,
      ["/", "The page", "text/html", "<!doctype html>"] as const,
      ["/reset", "The page, where a one-time link leads", "text/html", "<!doctype html>"] as const,
      ["/icon.svg", "Its icon", "image/svg+xml", "<svg"] as const,
      ["/icon-unread.svg", "Its icon while something is unread", "image/svg+xml", "<svg"] as const,
      ...["icon-192", "icon-512", "icon-maskable", "apple-touch-icon"].map(
        (name) => [`/${name}.png`, "Its icon on a device", "image/png"] as const,
      ),
      ["/sw.js", "Its service worker", "text/javascript"] as const,
      ...["/api/docs/page", "/admin/page", "/page"].flatMap((page) => [
        [`${page}.js`, "A page's script", "text/javascript"] as const,
        [`${page}.css`, "A page's style", "text/css"] as const,
      ]),
    ].map(([path, summary, type, start]): [string, Route] => [
      `GET ${path}`,
      { tag: "Pages", summary, may: "anybody", answers: { 200: text("It.", type, start) } },
    ]),
  ),
};

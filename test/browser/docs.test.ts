/** The page of the API, in a real Chromium: it shows the documents, and asks this server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { haveChromium, openBrowser } from "./chromium.ts";

describe.skipIf(!haveChromium)("the page of the API", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    // A heartbeat of half a second would close its socket while it is looked at.
    [rig, browser] = await Promise.all([embeddedRig({ PRESENCE_HEARTBEAT: "30" }), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("one logs in, asks with that token, says something on the socket; nothing breaks the policy, nothing comes from elsewhere", async () => {
    await Person.signUp(rig.url(), "ada");
    const page = await browser.newPage();
    const wrongs: string[] = [];
    page.on("console", (line) => ["error", "warning"].includes(line.type()) && wrongs.push(line.text()));
    page.on("pageerror", (error) => wrongs.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(rig.url())) wrongs.push(request.url());
    });
    const response = await page.goto(`${rig.url()}/api/docs/`);
    expect(response!.headers()["content-security-policy"]).toContain("default-src 'none'");

    const route = (id: string) => page.locator(`#${id}`);
    const open = (id: string) => route(id).locator("summary").first().click();
    await open("getAuthMe");
    await route("getAuthMe").getByRole("button", { name: "GET" }).click();
    await route("getAuthMe").locator(".answer").locator(".status", { hasText: "401" }).waitFor();
    await open("postAuthLogin");
    await route("postAuthLogin")
      .locator("textarea")
      .fill(JSON.stringify({ username: "ada", password: PASSWORD }));
    await route("postAuthLogin").getByRole("button", { name: "POST" }).click();
    await route("postAuthLogin").locator(".answer").locator(".status", { hasText: "200" }).waitFor();
    await route("getAuthMe").getByRole("button", { name: "GET" }).click();
    await route("getAuthMe").locator(".answer").getByText('"username": "ada"').waitFor();
    expect(wrongs.splice(0)).toEqual([expect.stringContaining("401")]);

    const socket = page.locator("#socket-chat");
    const press = (name: string) => socket.getByRole("button", { name, exact: true }).click();
    await press("Connect");
    await socket.locator(".lines .server", { hasText: '"hello"' }).waitFor();
    for (const frame of ["resume", "send_message"]) {
      await press(frame);
      await press("Send");
    }
    await socket.locator(".lines .server", { hasText: '"ack"' }).waitFor();
    await press("Close");
    await socket.locator(".lines .socket", { hasText: "closed: 1005" }).waitFor();
    expect(wrongs).toEqual([]);
    await page.close();
  }, 60_000);
});

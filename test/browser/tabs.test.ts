/** Several tabs of one browser, in a real Chromium: they are one person's, and agree. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { Person } from "../support/client.ts";
import { embeddedRig, type Rig, startServer } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

/** Seconds for which a used refresh token is taken. */
const GRACE = 2;

describe.skipIf(!haveChromium)("tabs of one browser", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig({ REFRESH_GRACE: String(GRACE) }), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  async function openTab({ page }: Hand): Promise<Page> {
    const tab = await page.context().newPage();
    await tab.goto(rig.url());
    return tab;
  }
  const room = (tab: Page) => tab.locator("h1", { hasText: "Everyone" }).waitFor();
  const card = (tab: Page) => tab.getByRole("heading", { name: "Welcome back" }).waitFor();
  const account = (tab: Page) => tab.locator(".account-name").innerText();

  test("who logs out in one is out in all, without a word of a session that is over, and nothing of them is left", async () => {
    const ada = await sitDown(browser, rig.url());
    await ada.signUp("Ada");
    const tab = await openTab(ada);
    await room(tab);
    await ada.page.getByRole("button", { name: "Log out" }).click();
    await Promise.all([card(ada.page), card(tab)]);
    await eventually(async () => expect(await tab.getByText("session is over").count()).toBe(0));
    const left = `new Promise((resolve) => {
      const open = indexedDB.open("liquidchat " + location.origin);
      open.onsuccess = () => {
        const all = open.result.transaction("values").objectStore("values").getAllKeys();
        all.onsuccess = () => resolve([...all.result, ...Object.keys(sessionStorage)]);
      };
    })`;
    for (const page of [ada.page, tab]) expect(await page.evaluate(left)).toEqual([]);
    expect(ada.wrongs).toEqual([]);
    await ada.close();
  }, 60_000);

  test("who logs in in one is in in all, also as somebody else; and what the one before wrote is not sent", async () => {
    const grace = await sitDown(browser, rig.url());
    const tab = await openTab(grace);
    await card(tab);
    await grace.signUp("Grace");
    await room(tab);
    expect(await account(tab)).toBe("Grace");
    await tab.getByRole("textbox", { name: "Message", exact: true }).fill("begun by Grace");

    await grace.page.getByRole("button", { name: "Log out" }).click();
    await card(tab);
    await grace.signUp("Olga");
    await eventually(async () => expect(await account(tab)).toBe("Olga"));
    expect(await tab.getByRole("textbox", { name: "Message", exact: true }).inputValue()).toBe("");
    await tab.getByRole("textbox", { name: "Message", exact: true }).fill("from Olga");
    await tab.keyboard.press("Enter");
    await grace.page.locator(".mine .words", { hasText: "from Olga" }).waitFor();
    expect(await grace.page.getByText("begun by Grace").count()).toBe(0);
    expect(grace.wrongs).toEqual([]);
    await grace.close();
  }, 60_000);

  test("what a tab had not sent when it was closed the other sends, once and in order", async () => {
    const edith = await sitDown(browser, rig.url());
    await edith.signUp("Edith");
    const tab = await openTab(edith);
    // Shown once its session is renewed: a server that died over that, and is away for the grace, would take the next refresh for a thief's.
    await edith.say("heard");
    await tab.locator('.mine[data-state="sent"]').waitFor();
    await rig.servers[0]!.kill("SIGKILL");
    await edith.page.getByText("Reconnecting…").waitFor();
    for (const text of ["one", "two", "three"]) await edith.say(text);
    await edith.page.locator('.mine[data-state="queued"]').nth(2).waitFor();
    expect(await tab.locator(".mine").count()).toBe(1);
    await edith.page.close({ runBeforeUnload: true });
    await tab.locator('.mine[data-state="queued"]').nth(2).waitFor();
    // A third one finds them too: two tabs have them now.
    const third = await tab.context().newPage();
    await third.goto(rig.url());
    await third.locator('.mine[data-state="queued"]').nth(2).waitFor();
    rig.servers[0] = await startServer(rig.env);
    for (const page of [tab, third]) {
      await page.locator('.mine[data-state="sent"]').nth(3).waitFor({ timeout: 30_000 });
      await eventually(async () =>
        expect(await page.locator(".mine .words").allTextContents()).toEqual(["heard", "one", "two", "three"]),
      );
    }
    await tab.reload();
    await tab.locator(".mine .words").nth(3).waitFor();
    expect(await tab.locator(".mine .words").allTextContents()).toEqual(["heard", "one", "two", "three"]);
    expect(edith.wrongs).toEqual([]);
    await edith.close();
  }, 60_000);

  test("what is read in one is read in all, and the colours and the language that are chosen in one are shown in all", async () => {
    const rosa = await sitDown(browser, rig.url());
    await rosa.signUp("Rosa");
    const tab = await openTab(rosa);
    await room(tab);
    const friend = await Person.signUp(rig.url(), "Lise");
    const { body } = await friend.get("/api/auth/users/?search=rosa");
    const { body: made } = await friend.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    const socket = await friend.chat();
    await socket.post(made.conversation.id, "to both");
    for (const page of [rosa.page, tab])
      await eventually(async () => expect(await page.title()).toBe("(1) LiquidChat"));
    await rosa.openRoom(/^Lise/);
    for (const page of [rosa.page, tab]) await eventually(async () => expect(await page.title()).toBe("LiquidChat"));
    await rosa.page.getByRole("button", { name: "Colours: as the system" }).click();
    await rosa.page.getByRole("button", { name: "Colours: light" }).click();
    await tab.getByRole("button", { name: "Colours: dark" }).waitFor();
    expect(await tab.evaluate("document.documentElement.dataset.theme")).toBe("dark");
    const around = await tab.locator("meta[name=theme-color]").first().getAttribute("content");
    expect(around).toBe(await tab.evaluate("getComputedStyle(document.documentElement).backgroundColor"));
    await rosa.page.getByRole("combobox", { name: "Language" }).selectOption("de");
    await tab.getByRole("button", { name: "Abmelden" }).waitFor();
    expect(rosa.wrongs).toEqual([]);
    await friend.closeAll();
    await rosa.close();
  }, 60_000);

  test("a tab that is closed before its session was renewed does not end it", async () => {
    let asked = 0;
    // As over a slow network.
    const far = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        const isRefresh = pathname.includes("/token/refresh/");
        if (isRefresh) asked++;
        const { method, headers } = request;
        const body = await request.arrayBuffer();
        const answer = await fetch(rig.url() + pathname + search, { method, headers, body: body.byteLength ? body : undefined, decompress: false }); // prettier-ignore
        if (isRefresh) await Bun.sleep(600);
        return answer;
      },
    });
    const hedy = await sitDown(browser, far.url.origin);
    await hedy.signUp("Hedy");
    const hasty = await hedy.page.context().newPage();
    await hedy.page.close();
    const before = asked;
    await hasty.goto(far.url.href, { waitUntil: "commit" });
    await eventually(async () => expect(asked).toBe(before + 1));
    await hasty.close();
    await Bun.sleep((GRACE + 1) * 1_000);
    const next = await hedy.page.context().newPage();
    await next.goto(far.url.href);
    await eventually(async () => expect(asked).toBe(before + 2));
    await room(next);
    await Bun.sleep(1_000);
    expect(await next.getByText("session is over").count()).toBe(0);
    expect(await account(next)).toBe("Hedy");
    await hedy.close();
    await far.stop(true);
  }, 60_000);
});

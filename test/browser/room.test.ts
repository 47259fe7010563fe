/** A room of the page, in a real Chromium: what scrolls, what fails, what fits. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { sitDown } from "./hand.ts";

describe.skipIf(!haveChromium)("a room of the page", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("older messages come before one reaches the top, in order, and what is looked at stays where it is", async () => {
    const writer = await Person.signUp(rig.url(), "Chronist");
    const reader = await sitDown(browser, rig.url(), { viewport: { width: 1000, height: 700 } });
    await reader.signUp("Leserin");
    const { body } = await writer.get("/api/auth/users/?search=leserin");
    const { body: made } = await writer.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    const socket = await writer.chat();
    for (let i = 1; i <= 130; i++) await socket.post(made.conversation.id, `line ${i}.`);
    // What came while it was open is there already.
    await reader.page.reload();
    await reader.openRoom(/^Chronist/);
    await eventually(async () => expect((await reader.texts()).at(-1)).toBe("line 130."));
    const top = async (text: string) => (await reader.page.getByText(text, { exact: true }).boundingBox())!.y;
    let asked = 0;
    reader.page.on("request", (request) => (asked += Number(request.url().includes("before="))));

    await reader.wheel(-300, 3);
    await eventually(async () => expect(asked).toBeGreaterThan(0));
    await Bun.sleep(300);
    const line = (await reader.texts())[30]!;
    const before = await top(line);
    await socket.post(made.conversation.id, "line 131.");
    await reader.page.getByRole("button", { name: /To the latest, 1 new/ }).waitFor();
    expect(await top(line)).toBe(before);
    expect(await reader.allTexts()).toEqual(Array.from({ length: 131 }, (_, i) => `line ${i + 1}.`));
    expect(asked).toBe(2);
    await eventually(async () => expect(await reader.page.locator(".latest").count()).toBe(0));
    expect(reader.wrongs).toEqual([]);
    await writer.closeAll();
    await reader.close();
  }, 60_000);

  test("what is shown after signing in is asked for once, be the socket slower than the history", async () => {
    const writer = await Person.signUp(rig.url(), "Früh");
    await (await writer.chat()).post("global", "here before you");
    const { page, signUp, say, wrongs, close } = await sitDown(browser, rig.url());
    // What was shown first and emptied once the socket is there would be gone from sight for a moment.
    await page.routeWebSocket(/\/ws\/chat\//, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((data) => setTimeout(() => socket.send(data), 300));
    });
    let asked = 0;
    page.on("request", (request) => (asked += Number(request.url().includes("/global/messages/"))));
    await signUp("Später");
    await page.getByRole("main").getByText("here before you").waitFor();
    await say("and now");
    await page.locator('.mine[data-state="sent"]').waitFor();
    expect(asked).toBe(1);
    expect(wrongs).toEqual([]);
    await writer.closeAll();
    await close();
  }, 60_000);

  test("a message that is refused stays with its reason, to be tried again or let go", async () => {
    const { page, signUp, mine, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Verbosa");
    const long = "a word too many. ".repeat(200);
    await page.getByRole("textbox", { name: "Message", exact: true }).fill(long);
    await page.keyboard.press("Enter");
    await mine("a word too many").locator(".failed").waitFor();
    expect(await mine("a word too many").getAttribute("data-state")).toBe("failed");
    await page.getByRole("button", { name: "Discard" }).click();
    await eventually(async () => expect(await mine("a word too many").count()).toBe(0));
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("one that is too long is taken back to be shortened, above what was begun meanwhile, and is sent once", async () => {
    const { page, signUp, mine, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Prolixa");
    const box = page.getByRole("textbox", { name: "Message", exact: true });
    const long = "a word too many. ".repeat(300).trim();
    await box.fill(long);
    await box.press("Enter");
    await mine("a word too many").locator(".failed").waitFor();
    await box.fill("begun");
    expect(await page.getByRole("button", { name: "Try again" }).count()).toBe(0);
    await page.getByRole("button", { name: "Edit" }).click();
    await eventually(async () => expect(await mine("a word too many").count()).toBe(0));
    expect(await box.inputValue()).toBe(`${long}\nbegun`);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("in short");
    await page.keyboard.press("Enter");
    await page.locator('.mine[data-state="sent"]').waitFor();
    expect([await page.locator(".mine .words").allTextContents(), wrongs]).toEqual([["in short"], []]);
    await close();
  }, 60_000);

  test("on a phone of 320 pixels nothing is cut off, and the list of rooms slides over", async () => {
    const phone = { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true };
    const { page, signUp, say, openRoom, wrongs, close } = await sitDown(browser, rig.url(), phone);
    const wide = "document.documentElement.scrollWidth > innerWidth";
    expect(await page.evaluate(wide)).toBe(false);
    await signUp("Tiny");
    await say("x".repeat(300));
    await page.locator('.mine[data-state="sent"]').first().waitFor();
    expect([await page.evaluate(wide), await page.getByRole("navigation").isVisible()]).toEqual([false, false]);
    await page.getByRole("button", { name: "Rooms" }).click();
    await openRoom(/^Everyone/);
    await eventually(async () => expect(await page.getByRole("navigation").isVisible()).toBe(false));
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("one's own message is removed by keys or by a finger after a second thought, and the other one sees it go", async () => {
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
    const writer = await sitDown(browser, rig.url());
    const reader = await sitDown(browser, rig.url(), phone);
    await writer.signUp("Rosalind");
    await reader.signUp("Barbara");
    await writer.find("barbar");
    await writer.page.getByRole("heading", { name: "Barbara" }).waitFor();
    for (const text of ["stays.", "goes."]) await writer.say(text);
    await writer.page.locator('.mine[data-state="sent"]').nth(1).waitFor();
    await reader.page.getByRole("button", { name: "Rooms" }).tap();
    await reader.openRoom(/^Rosalind/);
    await eventually(async () => expect(await reader.texts()).toEqual(["stays.", "goes."]));
    // Nobody is asked to remove what others said.
    expect(await reader.page.getByRole("button", { name: "Remove" }).count()).toBe(0);

    const { page } = writer;
    const focused = () => page.evaluate("document.activeElement.textContent || document.activeElement.ariaLabel");
    await page.getByRole("textbox", { name: "Message", exact: true }).focus();
    await page.keyboard.press("Shift+Tab");
    expect(await focused()).toBe("Remove");
    await page.keyboard.press("Enter");
    await page.getByText("Remove it for everyone?").waitFor();
    await page.keyboard.press("Escape");
    await eventually(async () => expect(await page.locator(".failed").count()).toBe(0));
    expect([await focused(), await reader.texts()]).toEqual(["Remove", ["stays.", "goes."]]);
    await page.context().setOffline(true);
    await page.keyboard.press("Enter");
    await eventually(async () => expect(await page.locator(".failed").count()).toBe(1));
    await page.keyboard.press("Enter");
    await page.locator(".failed").getByText("The server cannot be reached").waitFor();
    await page.context().setOffline(false);
    await page.getByText("You are offline").waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    for (const { texts } of [writer, reader]) await eventually(async () => expect(await texts()).toEqual(["stays."]));
    expect(await page.evaluate("document.activeElement.matches('.composer textarea')")).toBe(true);
    await eventually(async () =>
      expect(
        await page
          .getByRole("navigation")
          .getByRole("button", { name: /^Barbara/ })
          .textContent(),
      ).toContain("stays."),
    );

    await reader.say("Mine.");
    await eventually(async () => expect(await writer.texts()).toEqual(["stays.", "Mine."]));
    await reader.mine("Mine.").locator(".bubble").tap();
    await reader.page.getByRole("button", { name: "Remove" }).tap();
    await reader.page.locator(".failed").getByRole("button", { name: "Remove" }).tap();
    for (const { texts } of [writer, reader]) await eventually(async () => expect(await texts()).toEqual(["stays."]));
    expect([writer.wrongs, reader.wrongs]).toEqual([[], []]);
    await Promise.all([writer.close(), reader.close()]);
  }, 60_000);

  test("in the list of rooms a sender's name is whole where there is room for it", async () => {
    const writer = await Person.signUp(rig.url(), "Bartholomea");
    const { page, signUp, close } = await sitDown(browser, rig.url());
    await signUp("Listener");
    await (await writer.chat()).post("global", "ok");
    const name = page.locator(".preview .name", { hasText: "Bartholomea" });
    await name.waitFor();
    expect(await name.evaluate((box: any) => box.scrollWidth - box.clientWidth)).toBeLessThanOrEqual(0);
    await Promise.all([writer.closeAll(), close()]);
  }, 60_000);

  test("who is cut off oneself is told of nobody that they are online", async () => {
    const here = await Person.signUp(rig.url(), "Present");
    await here.chat();
    const { page, signUp, find, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Cutoff");
    await find("present");
    await page.locator(".room-head .avatar.online").waitFor();
    await page.context().setOffline(true);
    await page.getByText("You are offline", { exact: true }).waitFor();
    expect([await page.locator(".avatar.online").count(), await page.locator(".room-title p").textContent()]).toEqual([
      0,
      "",
    ]);
    await page.context().setOffline(false);
    await page.locator(".room-title").getByText("Online", { exact: true }).waitFor();
    expect(wrongs).toEqual([]);
    await Promise.all([close(), here.closeAll()]);
  }, 60_000);

  test("who knows that the network is back need not wait for the next try; and a reload still says who spoke to everyone last", async () => {
    const writer = await Person.signUp(rig.url(), "Patience");
    await (await writer.chat()).post("global", "the last word");
    const { page, signUp, find, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Hasty");
    await find("patience");
    await page.getByRole("heading", { name: "Patience" }).waitFor();
    let isUp = true;
    await page.routeWebSocket(/\/ws\/chat\//, (socket) => void (isUp ? socket.connectToServer() : socket.close()));
    await page.addInitScript("Math.random = () => 0.999");
    await page.reload();
    await page.getByRole("button", { name: /^Everyone.*Patience.*the last word/s }).waitFor();
    isUp = false;
    await page.reload();
    // By then it waits for eight more.
    await Bun.sleep(8_000);
    isUp = true;
    const from = performance.now();
    await page.getByRole("button", { name: "Reconnecting…" }).click();
    await page.locator(".connection").waitFor({ state: "detached" });
    expect(performance.now() - from).toBeLessThan(4_000);
    expect(wrongs).toEqual([]);
    await Promise.all([writer.closeAll(), close()]);
  }, 60_000);

  test("a link keeps the focus over its line's leaving and coming back, unless the focus went on", async () => {
    const writer = await Person.signUp(rig.url(), "Linkage");
    const reader = await sitDown(browser, rig.url(), { viewport: { width: 1000, height: 500 } });
    const { page } = reader;
    await reader.signUp("Leafing");
    const { body } = await writer.get("/api/auth/users/?search=leafing");
    const { body: made } = await writer.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    const socket = await writer.chat();
    for (let i = 1; i <= 90; i++) await socket.post(made.conversation.id, `line ${i}`);
    await socket.post(made.conversation.id, "https://example.org/end");
    await reader.openRoom(/^Linkage/);
    const link = page.getByRole("link");
    await link.focus();
    const isOn = (selector: string) => page.evaluate(`document.activeElement.matches("${selector}")`);
    await reader.wheel(-600, 8);
    await eventually(async () => expect([await link.count(), await isOn(".log")]).toEqual([0, true]));
    await reader.wheel(600, 12);
    await eventually(async () => expect(await isOn(".words a")).toBe(true));
    await reader.wheel(-600, 8);
    await eventually(async () => expect(await link.count()).toBe(0));
    await page.getByRole("textbox", { name: "Message", exact: true }).focus();
    await reader.wheel(600, 12);
    await link.waitFor();
    expect([await isOn(".composer textarea"), reader.wrongs]).toEqual([true, []]);
    await Promise.all([writer.closeAll(), reader.close()]);
  }, 60_000);
});

/** Notifications, in a real Chromium: who is told of what, when, and how often. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { believeSeen, haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

const SHOWN = `navigator.serviceWorker.ready.then((worker) => worker.getNotifications())
  .then((all) => all.map(({ title, body }) => title + ": " + body))`;
const shown = (page: Page) => page.evaluate(SHOWN) as Promise<string[]>;
/** Counts what has been shown. */
const COUNT = `{
  self.count = 0;
  const show = registration.showNotification.bind(registration);
  registration.showNotification = (...all) => show(...all).then(() => void self.count++);
}`;
const CLICK = `registration.getNotifications().then(([notification]) =>
  void self.dispatchEvent(new NotificationEvent("notificationclick", { notification })))`;
const icon = (page: Page) => page.locator("link[rel=icon]").getAttribute("href");

describe.skipIf(!haveChromium)("notifications", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  /** Somebody at the page with the permission given, and a tab of something else to look at. */
  async function sit(name: string) {
    const hand = await sitDown(browser, rig.url());
    const { page } = hand;
    await page.context().grantPermissions(["notifications"]);
    await hand.signUp(name);
    await page.getByRole("button", { name: "Notifications: on" }).waitFor();
    expect(await shown(page)).toEqual([]);
    const context = page.context();
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
    await worker.evaluate(COUNT);
    // Asked which notifications there are, Chromium drops one that it is just about to show: nobody asks meanwhile.
    const count = () => worker.evaluate("self.count") as Promise<number>;
    const hasShown = (times: number) => eventually(async () => expect(await count()).toBe(times));
    const other = await page.context().newPage();
    const lookAway = async () => {
      await believeSeen(page, false);
      await other.bringToFront();
      await eventually(async () => expect(await page.evaluate("document.hidden")).toBe(true));
    };
    const lookBack = async () => {
      await believeSeen(page, true);
      await page.bringToFront();
    };
    await lookBack();
    return { ...hand, lookAway, lookBack, count, hasShown };
  }

  /** Somebody else, by the API, in a conversation with them. */
  async function friendOf(name: string, own: string) {
    const friend = await Person.signUp(rig.url(), own);
    const { body } = await friend.get(`/api/auth/users/?search=${name}`);
    const { body: made } = await friend.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    const socket = await friend.chat();
    return {
      room: made.conversation.id as string,
      whisper: (text: string) => socket.post(made.conversation.id, text),
      takeBack: (id: string) => friend.delete(`/api/chat/conversations/${made.conversation.id}/messages/${id}/`),
      shout: (text: string) => socket.post("global", text),
      leave: () => friend.closeAll(),
    };
  }
  const unread = (hand: Hand, count: number) =>
    eventually(async () => expect(await hand.page.title()).toBe(count ? `(${count}) LiquidChat` : "LiquidChat"));

  test("private messages are told while nobody looks, one a room, cut; what is said to everyone only where it names one", async () => {
    const ada = await sit("Ada");
    const friend = await friendOf("ada", "Grace");
    await friend.whisper("you look at me");
    await unread(ada, 1);
    expect(await shown(ada.page)).toEqual([]);
    await ada.openRoom(/^Grace/);
    await unread(ada, 0);
    expect(await icon(ada.page)).toBe("/icon.svg");

    await ada.lookAway();
    await friend.shout("hello everyone, and adamant people");
    await unread(ada, 1);
    await friend.whisper("first");
    await ada.hasShown(1);
    expect(await shown(ada.page)).toEqual(["Grace: first"]);
    await friend.whisper("<b>second</b> ".repeat(30));
    await ada.hasShown(2);
    expect(await shown(ada.page)).toEqual([`Grace: ${"<b>second</b> ".repeat(30).slice(0, 140)}…`]);
    await friend.shout("is @Ada here?");
    await ada.hasShown(3);
    expect((await shown(ada.page)).sort()[0]).toBe("Grace, to everyone: is @Ada here?");
    expect([(await shown(ada.page)).length, await icon(ada.page)]).toEqual([2, "/icon-unread.svg"]);

    // Back at the room, it is read, and what was told of it is gone.
    await ada.lookBack();
    await eventually(async () => expect(await shown(ada.page)).toEqual(["Grace, to everyone: is @Ada here?"]));
    expect(ada.wrongs).toEqual([]);
    await friend.leave();
    await ada.close();
  }, 60_000);

  test("of two tabs that hear it one tells, none where either is looked at, and what is read on another device is untold", async () => {
    const olga = await sit("Olga");
    const friend = await friendOf("olga", "Edith");
    const second = await olga.page.context().newPage();
    await second.goto(rig.url());
    await second.getByRole("button", { name: /^Edith/ }).waitFor();
    await believeSeen(second, false);
    await believeSeen(olga.page, false);
    await second.bringToFront();
    await eventually(async () => expect(await olga.page.evaluate("document.hidden")).toBe(true));
    await friend.whisper("one of them is seen");
    await unread(olga, 1);
    await Bun.sleep(300);
    expect(await shown(second)).toEqual([]);

    await olga.lookAway();
    await eventually(async () => expect(await second.evaluate("document.hidden")).toBe(true));
    await friend.whisper("both are hidden");
    await olga.hasShown(1);
    await Bun.sleep(300);
    expect([await shown(second), await olga.count()]).toEqual([["Edith: both are hidden"], 1]);

    const phone = await sitDown(browser, rig.url());
    await phone.page.getByLabel("Name").fill("Olga");
    await phone.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await phone.page.keyboard.press("Enter");
    await phone.openRoom(/^Edith/);
    await unread(olga, 0);
    await eventually(async () => expect(await shown(second)).toEqual([]));
    await phone.close();
    await friend.leave();
    await olga.close();
  }, 60_000);

  test("a message that is removed is told no more, be others of its room unread or not, nor one of a room that is loaded anew", async () => {
    const sonja = await sit("Sonja");
    /** Whether the page is to take the server's history for another one, as after a restored backup. */
    let anew = false;
    let drop = () => {};
    await sonja.page.routeWebSocket(/\/ws\/chat\//, (socket) => {
      const server = socket.connectToServer();
      drop = () => void server.close();
      server.onMessage((data) => {
        socket.send(anew ? `${data}`.replace(/"epoch":"[^"]+"/, `"epoch":"another"`) : data);
      });
    });
    await sonja.page.reload();
    const friend = await friendOf("sonja", "Mileva");
    await sonja.lookAway();
    await friend.whisper("stays");
    await sonja.hasShown(1);
    const secret = await friend.whisper("a secret");
    await sonja.hasShown(2);
    expect(await shown(sonja.page)).toEqual(["Mileva: a secret"]);
    await friend.takeBack(secret.message_id);
    await eventually(async () => expect(await shown(sonja.page)).toEqual([]));
    await unread(sonja, 1);

    const { message_id } = await friend.whisper("is told");
    await sonja.hasShown(3);
    await friend.whisper("of another history");
    await sonja.hasShown(4);
    // That of another message goes on being told.
    await friend.takeBack(message_id);
    await unread(sonja, 2);
    await Bun.sleep(300);
    expect(await shown(sonja.page)).toEqual(["Mileva: of another history"]);
    anew = true;
    drop();
    await eventually(async () => expect(await shown(sonja.page)).toEqual([]), 20_000);
    await unread(sonja, 2);
    expect(sonja.wrongs).toEqual([]);
    await friend.leave();
    await sonja.close();
  }, 60_000);

  test("a click opens the room; who switched them off is told nothing", async () => {
    const rosa = await sit("Rosa");
    const friend = await friendOf("rosa", "Lise");
    await rosa.lookAway();
    await friend.whisper("come here");
    await rosa.hasShown(1);
    expect((await shown(rosa.page)).length).toBe(1);
    await rosa.page.context().serviceWorkers()[0]!.evaluate(CLICK);
    await rosa.page.getByRole("heading", { name: "Lise" }).waitFor();
    await eventually(async () => expect(await shown(rosa.page)).toEqual([]));
    // Where no page was open, a new one says which room.
    await rosa.page.goto(`${rig.url()}/#${friend.room}`);
    await rosa.page.reload();
    await rosa.page.getByRole("heading", { name: "Lise" }).waitFor();
    await rosa.page.locator(".words", { hasText: "come here" }).waitFor();

    await rosa.lookBack();
    await rosa.page.getByRole("button", { name: "Notifications: on" }).click();
    await rosa.page.getByRole("button", { name: "Notifications: off" }).waitFor();
    await rosa.lookAway();
    await friend.whisper("nobody listens");
    await unread(rosa, 1);
    await Bun.sleep(300);
    expect(await shown(rosa.page)).toEqual([]);
    expect(rosa.wrongs).toEqual([]);
    await friend.leave();
    await rosa.close();
  }, 60_000);

  test("another page of the site, looked at, keeps nobody from being told, and a click leads to the chat", async () => {
    const mina = await sit("Mina");
    const friend = await friendOf("mina", "Vera");
    for (const [i, path] of ["/admin/", "/docs"].entries()) {
      const elsewhere = await mina.page.context().newPage();
      await elsewhere.goto(rig.url() + path);
      await believeSeen(mina.page, false);
      await elsewhere.bringToFront();
      await eventually(async () => expect(await mina.page.evaluate("document.hidden")).toBe(true));
      await friend.whisper(`you are at ${path}`);
      await mina.hasShown(i + 1);
      expect(await shown(mina.page)).toEqual([`Vera: you are at ${path}`]);
      await mina.page.context().serviceWorkers()[0]!.evaluate(CLICK);
      await mina.page.getByRole("heading", { name: "Vera" }).waitFor();
      await elsewhere.close();
      await mina.lookBack();
      await mina.openRoom("Everyone");
    }
    expect(mina.wrongs).toEqual([]);
    await friend.leave();
    await mina.close();
  }, 60_000);

  test("nobody is asked before they ask: a quiet line says once that it can be, and goes for good", async () => {
    const { page, signUp, wrongs, close } = await sitDown(browser, rig.url());
    await page.addInitScript(`{
      window.asked = 0;
      Notification.requestPermission = async () => (window.asked++, "denied");
      Object.defineProperty(Notification, "permission", { get: () => "default" });
    }`);
    await page.reload();
    await signUp("Emmy");
    const hint = page.getByText("Hear of private messages");
    expect(await hint.count()).toBe(0);
    const friend = await friendOf("emmy", "Hedy");
    await friend.whisper("hello Emmy");
    await hint.waitFor();
    expect(await page.evaluate("asked")).toBe(0);
    await page.getByRole("button", { name: "Not now" }).click();
    await page.reload();
    await page.getByRole("button", { name: /^Hedy/ }).waitFor();
    expect(await hint.count()).toBe(0);
    await page.getByRole("button", { name: "Notifications: off" }).click();
    expect(await page.evaluate("asked")).toBe(1);
    expect(wrongs).toEqual([]);
    await friend.leave();
    await close();
  }, 60_000);
});

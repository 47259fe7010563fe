/** Two people, each at a computer and with a phone, through a day with a server that is killed in its middle: what each of the four sees. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { embeddedRig, type Rig, startServer } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
const LONG = `${"a word and another, ".repeat(70)}the end`;

describe.skipIf(!haveChromium)("two people with two devices each", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("all four see the same, in order and once, before and after the server is killed", async () => {
    const [ada, adasPhone, grace, gracesPhone] = (await Promise.all(
      [{}, PHONE, {}, PHONE].map((options) => sitDown(browser, rig.url(), options)),
    )) as [Hand, Hand, Hand, Hand];
    const all = [ada, adasPhone, grace, gracesPhone];
    await ada.signUp("Ada");
    await grace.signUp("Grace");
    await adasPhone.logIn("Ada");
    await gracesPhone.logIn("Grace");
    const say = async (hand: Hand, ...texts: string[]) => {
      for (const text of texts) await hand.say(text);
    };
    const read = (hand: Hand, texts: string[]) =>
      eventually(async () => expect(await hand.texts()).toEqual(texts), 20_000);
    const everyoneReads = (texts: string[]) => Promise.all(all.map((hand) => read(hand, texts)));
    const onPhone = async (hand: Hand, room: RegExp) => {
      await hand.page.getByRole("button", { name: "Rooms" }).click();
      await hand.openRoom(room);
    };

    // Everyone.
    await say(ada, "good morning");
    await everyoneReads(["good morning"]);
    await say(gracesPhone, "hello 👋 see https://example.org/a?b=c.");
    await everyoneReads(["good morning", "hello 👋 see https://example.org/a?b=c."]);
    for (const { page } of all) {
      const link = page.getByRole("link", { name: "https://example.org/a?b=c" });
      expect(await link.getAttribute("href")).toBe("https://example.org/a?b=c");
    }

    // In private: found by a part of the name; unread on both of Grace's devices until she reads on one.
    await ada.find("grac");
    await ada.page.getByRole("heading", { name: "Grace", level: 1 }).waitFor();
    await ada.page.getByRole("main").getByText("Online", { exact: true }).waitFor();
    await say(ada, "only for you: `let x = 1`");
    await grace.page.getByRole("button", { name: /^Ada .*only for you.*1 unread/s }).waitFor();
    await eventually(async () => expect(await gracesPhone.page.title()).toBe("(1) LiquidChat"));
    expect(await ada.mine("only for you").getAttribute("data-state")).toBe("sent");
    await onPhone(gracesPhone, /^Ada/);
    await ada.page.locator('.mine[data-state="read"]').waitFor();
    await eventually(async () => expect(await grace.page.locator(".badge").count()).toBe(0));
    await grace.openRoom(/^Ada/);
    expect(await grace.page.locator("code").textContent()).toContain("let x = 1");
    await onPhone(adasPhone, /^Grace/);
    await grace.page.getByRole("textbox", { name: "Message", exact: true }).focus();
    await grace.page.keyboard.type("thin");
    await Promise.all([ada, adasPhone].map(({ page }) => page.getByText("Grace is typing").waitFor()));
    await grace.page.keyboard.type("king");
    await grace.page.keyboard.press("Enter");
    const talk = ["only for you: `let x = 1`", "thinking"];
    await everyoneReads(talk);

    // A long one is folded, and unfolds by hand.
    await say(ada, LONG);
    await grace.page.getByRole("button", { name: "Show all" }).waitFor();
    await grace.page.getByRole("button", { name: "Show all" }).click();
    await grace.page.getByText("the end", { exact: false }).last().waitFor();
    talk.push(LONG);

    // The server is killed. What is said meanwhile waits, over a reload too.
    await rig.servers[0]!.kill("SIGKILL");
    await Promise.all(all.map(({ page }) => page.getByText("Reconnecting…").waitFor()));
    await say(ada, "first", "second");
    await say(gracesPhone, "from the train");
    expect(await ada.mine("second").getAttribute("data-state")).toBe("queued");
    await ada.page.reload();
    await ada.mine("second").waitFor();
    rig.servers[0] = await startServer(rig.env);
    await Promise.all(
      all.map(({ page }) => page.locator(".connection").waitFor({ state: "detached", timeout: 40_000 })),
    );
    await eventually(async () => expect(await ada.page.locator(".mine[data-state=queued]").count()).toBe(0), 20_000);
    const last = async (hand: Hand) => (await hand.texts()).slice(-3);
    await eventually(async () => expect((await last(ada)).toSorted()).toEqual(["first", "from the train", "second"]));
    const order = await last(ada);
    expect(order.indexOf("first")).toBeLessThan(order.indexOf("second"));
    for (const hand of all) await eventually(async () => expect(await last(hand)).toEqual(order), 20_000);
    for (const { page } of all) {
      expect(await page.locator(".lines .divider").count()).toBeGreaterThan(0);
      expect(await page.getByText("from the train", { exact: true }).and(page.locator(".words")).count()).toBe(1);
    }

    // Who leaves is seen to leave only when their last device is gone.
    await gracesPhone.close();
    await Bun.sleep(1_500);
    expect(await ada.page.getByRole("main").getByText("Online", { exact: true }).count()).toBe(1);
    await grace.page.getByRole("button", { name: "Log out" }).click();
    await grace.page.getByRole("heading", { name: "Welcome back" }).waitFor();
    await ada.page.getByRole("main").getByText("Online", { exact: true }).waitFor({ state: "detached" });
    expect(all.map(({ wrongs }) => wrongs)).toEqual([[], [], [], []]);
    await Promise.all([ada.close(), adasPhone.close(), grace.close()]);
  }, 180_000);
});

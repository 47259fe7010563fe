/** The page by keys alone: no mouse is touched here. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

/** What has the focus: by its name, and whether one sees that it has. */
const FOCUS = `(() => {
  const at = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  const box = at.closest(".field-box");
  const ring = box && getComputedStyle(box).boxShadow !== "none";
  const name = at.getAttribute("aria-label") ?? (at.labels?.[0] ?? at).textContent;
  return { name: at === document.body ? "nothing" : name, seen: Boolean(ring) || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) };
})()`;
type Focus = { name: string; seen: boolean };

const focused = async ({ page }: Hand) => ((await page.evaluate(FOCUS)) as Focus).name;

/** Goes on by Tab until the focus is there; it is seen at every stop. */
async function tabTo(hand: Hand, name: RegExp, key: "Tab" | "Shift+Tab" = "Tab"): Promise<string[]> {
  const stops: string[] = [];
  while (stops.length < 40) {
    await hand.page.keyboard.press(key);
    const focus = (await hand.page.evaluate(FOCUS)) as Focus;
    expect([focus.name, focus.seen]).toEqual([focus.name, focus.name !== "nothing"]);
    stops.push(focus.name);
    if (name.test(focus.name)) return stops;
  }
  throw new Error(`no Tab leads to ${name}: ${stops.join(" | ")}`);
}

const isShown = (hand: Hand, name: string) => hand.page.getByRole("heading", { name, exact: true, level: 1 }).waitFor();

describe.skipIf(!haveChromium)("by keys alone", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("one signs up, finds somebody, writes, switches rooms, goes to the next unread, reads what is old, mends what failed, and leaves", async () => {
    const [hedy, ida, noor] = await Promise.all(["Hedy", "Ida", "Noor"].map((name) => Person.signUp(rig.url(), name)));
    const hand = await sitDown(browser, rig.url(), { viewport: { width: 1000, height: 700 } });
    const { page } = hand;
    const keys = page.keyboard;

    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(await focused(hand)).toBe("Name");
    await tabTo(hand, /^Create an account$/);
    await keys.press("Enter");
    await isShown(hand, "Join the conversation");
    expect(await focused(hand)).toBe("Name");
    await keys.type("Mary");
    await tabTo(hand, /^Password$/);
    await keys.type(PASSWORD);
    await keys.press("Enter");
    await isShown(hand, "Everyone");
    await eventually(async () => expect(await focused(hand)).toBe("Message"));

    // Somebody new, by the quick switcher.
    await keys.press("Control+k");
    await eventually(async () => expect(await focused(hand)).toBe("Go to a room or a person"));
    await keys.type("hed");
    await keys.press("Enter");
    await isShown(hand, "Hedy");
    await eventually(async () => expect(await focused(hand)).toBe("Message"));
    await keys.type("Good evening");
    await keys.press("Shift+Enter");
    await keys.type("to you.");
    await keys.press("Enter");
    await page.locator('.mine[data-state="sent"]', { hasText: "to you." }).waitFor();
    expect(await hand.texts()).toEqual(["Good evening\nto you."]);

    // The room of before is first in the switcher; Escape leaves it as it was.
    await keys.press("Control+k");
    await page.getByRole("option", { name: "Everyone", selected: true }).waitFor();
    await keys.press("Escape");
    await eventually(async () => expect(await focused(hand)).toBe("Message"));
    await keys.press("Control+k");
    await keys.press("Enter");
    await isShown(hand, "Everyone");
    // And by the list.
    await tabTo(hand, /^H?Hedy/, "Shift+Tab");
    await keys.press("Enter");
    await isShown(hand, "Hedy");
    await eventually(async () => expect(await focused(hand)).toBe("Message"));
    // And by the search, to somebody else.
    await tabTo(hand, /^Find people$/, "Shift+Tab");
    await keys.type("noo");
    await keys.press("Enter");
    await isShown(hand, "Noor");
    await keys.press("Control+k");
    await keys.type("every");
    await keys.press("Enter");
    await isShown(hand, "Everyone");

    // The next unread, down the list and up again.
    const { body } = await ida!.get("/api/auth/users/?search=mary");
    const mary = body.results[0].id as string;
    const rooms: Record<string, string> = {};
    for (const person of [ida!, noor!, hedy!]) {
      const { body } = await person.post("/api/chat/conversations/create/", { user_id: mary });
      rooms[person.name] = body.conversation.id;
      const socket = await person.chat();
      for (let i = 1; i <= (person === ida ? 130 : 1); i++) await socket.post(body.conversation.id, `line ${i}.`);
    }
    await page.locator(".row", { hasText: "Hedy" }).locator(".badge").waitFor();
    await eventually(async () => expect(await page.locator(".badge").count()).toBe(3));
    await keys.press("Alt+Shift+ArrowDown");
    await isShown(hand, "Hedy");
    await eventually(async () => expect(await page.locator(".badge").count()).toBe(2));
    await keys.press("Alt+Shift+ArrowUp");
    await isShown(hand, "Ida");
    await eventually(async () => expect(await focused(hand)).toBe("Message"));

    // What is old: by pages from the composer, and by Home where the messages have the focus. Escape goes back, and then to the end.
    const seen = (text: string) => page.locator(".words").getByText(text, { exact: true });
    await seen("line 130.").waitFor();
    await keys.press("PageUp");
    await page.getByRole("button", { name: /^To the latest/ }).waitFor();
    await tabTo(hand, /^Messages$/, "Shift+Tab");
    await eventually(async () => {
      await keys.press("Home");
      expect(await seen("line 1.").isVisible()).toBe(true);
    }, 20_000);
    expect(await focused(hand)).toBe("Messages");
    await keys.press("Escape");
    expect(await focused(hand)).toBe("Message");
    await keys.press("Escape");
    await eventually(async () => expect(await page.locator(".latest").count()).toBe(0));
    await seen("line 130.").waitFor();
    expect(await focused(hand)).toBe("Message");

    // What failed: taken back, sent again as it is, and let go.
    await keys.insertText("a word too many. ".repeat(200));
    await keys.press("Enter");
    await page.getByRole("button", { name: "Discard" }).waitFor();
    await tabTo(hand, /^Edit$/, "Shift+Tab");
    await keys.press("Enter");
    await eventually(async () => expect(await page.locator(".failed").count()).toBe(0));
    expect(await focused(hand)).toBe("Message");
    await keys.press("Enter");
    await page.getByRole("button", { name: "Discard" }).waitFor();
    await tabTo(hand, /^Discard$/, "Shift+Tab");
    await keys.press("Enter");
    await eventually(async () => expect(await page.locator(".failed").count()).toBe(0));
    await eventually(async () => expect(await focused(hand)).toBe("Message"));

    // The list of keys, and back where one was.
    await keys.type("not ? here");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await tabTo(hand, /^Messages$/, "Shift+Tab");
    await keys.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await tabTo(hand, /^Shortcuts of a single key$/);
    await keys.press("Space");
    await keys.press("Escape");
    await eventually(async () => expect(await focused(hand)).toBe("Messages"));
    await keys.type("?x");
    expect([await page.getByRole("dialog").count(), await focused(hand)]).toEqual([0, "Messages"]);
    await tabTo(hand, /^Keyboard shortcuts$/, "Shift+Tab");
    await keys.press("Enter");
    await tabTo(hand, /^Shortcuts of a single key$/);
    await keys.press("Space");
    await keys.press("Escape");
    await eventually(async () => expect(await focused(hand)).toBe("Keyboard shortcuts"));
    // A letter goes to the composer, from wherever that is not written in.
    await keys.type("x");
    expect(await page.getByRole("textbox", { name: "Message", exact: true }).inputValue()).toBe("not ? herex");

    await tabTo(hand, /^Colours: as the system$/, "Shift+Tab");
    await keys.press("Enter");
    expect([await page.evaluate("document.documentElement.dataset.theme"), await focused(hand)]).toEqual(["light", "Colours: light"]); // prettier-ignore
    await tabTo(hand, /^Log out$/);
    await keys.press("Enter");
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    await eventually(async () => expect(await focused(hand)).toBe("Name"));
    expect(hand.wrongs).toEqual([]);
    await Promise.all([hedy!.closeAll(), ida!.closeAll(), noor!.closeAll()]);
    await hand.close();
  }, 120_000);

  test("the way from the top is sensible: skips, list, room, composer; and a skip spares the list", async () => {
    const hand = await sitDown(browser, rig.url());
    await hand.signUp("Tabitha");
    await hand.page.evaluate("document.activeElement.blur()");
    await hand.page.reload();
    await isShown(hand, "Everyone");
    await hand.page.locator(".row").first().waitFor();
    await hand.page.evaluate("document.querySelector('.skips button').focus()");
    const first = await focused(hand);
    const stops = [first, ...(await tabTo(hand, /^Message$/))];
    const order = ["Skip to the messages", "Skip to the composer", "Find people", "Go to a room", "Everyone", "Language", "Notifications", "Keyboard shortcuts", "Colours", "Log out", "Messages", "Message"]; // prettier-ignore
    expect(stops.length).toBe(order.length);
    for (const [i, name] of order.entries()) expect(stops[i]).toContain(name);
    await hand.page.evaluate("document.querySelector('.skips button').focus()");
    await hand.page.keyboard.press("Enter");
    expect(await focused(hand)).toBe("Messages");
    await hand.close();
  }, 60_000);

  test("a conversation that is slow to open takes nobody from another one, where they type by now", async () => {
    await Promise.all(["Cydney", "Dorothy"].map((name) => Person.signUp(rig.url(), name)));
    const ada = await sitDown(browser, rig.url());
    await ada.signUp("Adamant");
    await ada.find("cydney");
    await ada.page.getByRole("heading", { name: "Cydney" }).waitFor();
    await ada.page.route("**/conversations/create/", async (route) => {
      await Bun.sleep(1_500);
      await route.continue();
    });
    const answered = ada.page.waitForResponse("**/conversations/create/");
    await ada.page.getByRole("combobox", { name: "Find people" }).fill("dorothy");
    await ada.page.getByRole("option", { name: /Dorothy/ }).waitFor();
    await ada.page.keyboard.press("Enter");
    await ada.page.keyboard.press("Escape");
    await ada.page.getByRole("textbox", { name: "Message", exact: true }).focus();
    await ada.page.keyboard.type("Cyd, the secret is ");
    await answered;
    await Bun.sleep(500);
    await ada.page.keyboard.type("4417");
    await ada.page.keyboard.press("Enter");
    await ada.mine("Cyd, the secret is 4417").waitFor();
    expect(await ada.page.locator(".room-title h1").textContent()).toBe("Cydney");
    expect(ada.wrongs).toEqual([]);
    await ada.close();
  }, 60_000);
});

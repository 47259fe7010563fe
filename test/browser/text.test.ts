/** What the page makes of the text of messages, in a real Chromium. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { sitDown } from "./hand.ts";

describe.skipIf(!haveChromium)("the text of a message", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("is folded where it is long, shown whole and folded again by hand, and stays so until another room is opened", async () => {
    const { page, signUp, openRoom, find, wrongs, close } = await sitDown(browser, rig.url());
    await Person.signUp(rig.url(), "Albertine");
    await signUp("Marcel");
    const long = Array.from({ length: 40 }, (_, i) => `line ${i + 1}`).join("\n");
    await page.getByRole("textbox", { name: "Message", exact: true }).fill(long);
    await page.keyboard.press("Enter");
    const text = page.locator(".mine .words");
    const height = async () => (await text.boundingBox())!.height;
    await page.locator('.mine[data-state="sent"]').waitFor();
    expect(await text.textContent()).toBe(`${long.slice(0, long.indexOf("\nline 9"))}…`);
    const before = await height();
    const top = async () => (await text.boundingBox())!.y;
    await page.getByRole("button", { name: "Show all" }).click();
    // One goes on where it was cut, though one was at the end.
    await Bun.sleep(300);
    expect(await top()).toBeGreaterThan((await page.locator(".log").boundingBox())!.y);
    expect(await text.textContent()).toBe(long);
    expect(await height()).toBeGreaterThan(4 * before);
    await page.getByRole("button", { name: "Show less" }).click();
    await eventually(async () => expect(await height()).toBe(before));
    await eventually(async () => expect(await text.isVisible()).toBe(true));
    await page.getByRole("button", { name: "Show all" }).click();
    await find("albert");
    await page.getByRole("heading", { name: "Albertine" }).waitFor();
    await openRoom(/^Everyone/);
    await page.getByRole("button", { name: "Show all" }).waitFor();
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("stands at the side where its own writing begins, line by line in its own order; emoji alone are large; nothing is wider than a phone", async () => {
    const phone = { viewport: { width: 320, height: 800 } };
    const { page, signUp, wrongs, close } = await sitDown(browser, rig.url(), phone);
    await signUp("Ludwika");
    const box = page.getByRole("textbox", { name: "Message", exact: true });
    const say = async (text: string) => {
      await box.fill(text);
      await page.keyboard.press("Enter");
      await page.locator('.mine[data-state="sent"] .words').last().waitFor();
    };
    await say("מילה https://a.example/b מילה");
    await say("left to right: a line that goes over the end of the line, surely");
    await say("👍");
    await say(`https://a.example/${"x".repeat(300)}`);
    await say(`\`\`\`\n${"y".repeat(300)}\n\`\`\``);
    await eventually(async () => expect(await page.locator('.mine[data-state="sent"]').count()).toBe(5));
    const of = (i: number, what: string) =>
      page.evaluate(`((e) => ${what})(document.querySelectorAll(".mine .text")[${i}])`);
    expect([await of(0, "getComputedStyle(e).direction"), await of(1, "getComputedStyle(e).direction")]).toEqual(["rtl", "ltr"]); // prettier-ignore
    expect(await of(0, "getComputedStyle(e.querySelector('a')).direction")).toBe("ltr");
    expect(Number(await of(2, "parseFloat(getComputedStyle(e.querySelector('.words')).fontSize)"))).toBeGreaterThan(30);
    for (const i of [3, 4]) expect(await of(i, "e.parentElement.scrollWidth <= e.parentElement.clientWidth && e.getBoundingClientRect().right < innerWidth")).toBe(true); // prettier-ignore
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(320);
    // One code stands on its own lines; its marks are not seen, but there.
    expect(await page.locator(".block").innerText()).toBe("y".repeat(300));
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("ends at one edge where it is one's own, however long it is and however wide the page", async () => {
    const { page, signUp, say, wrongs, close } = await sitDown(browser, rig.url(), {
      viewport: { width: 1_600, height: 800 },
    });
    await signUp("Robert");
    for (const text of ["short", "one that goes on and on ".repeat(20), "x".repeat(300)]) await say(text);
    await page.locator(".mine").nth(2).waitFor();
    const boxes = await Promise.all((await page.locator(".mine .bubble").all()).map((bubble) => bubble.boundingBox()));
    expect(new Set(boxes.map((box) => Math.round(box!.x + box!.width))).size).toBe(1);
    expect(new Set(boxes.map((box) => Math.round(box!.width))).size).toBeGreaterThan(1);
    expect(wrongs).toEqual([]);
    await close();
  });
});

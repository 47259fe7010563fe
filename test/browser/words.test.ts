/** The page in other languages, in a real Chromium. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { sitDown } from "./hand.ts";

describe.skipIf(!haveChromium)("the page in another language", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("speaks what the browser asks for, what is chosen by hand at once and after a reload, and refuses in it too", async () => {
    const { page, wrongs, close } = await sitDown(browser, rig.url(), { locale: "de-AT" });
    await page.getByRole("heading", { name: "Willkommen zurück" }).waitFor();
    const root = "[document.documentElement.lang, document.documentElement.dir]";
    expect(await page.evaluate(root)).toEqual(["de-AT", "ltr"]);
    await page.getByRole("button", { name: "Anmelden", exact: true }).click();
    await page.getByText("Hier fehlt dein Name.").waitFor();
    const choice = page.getByRole("combobox", { name: "Sprache" });
    await choice.selectOption({ label: "العربية" });
    await page.getByRole("heading", { name: "مرحبًا بعودتك" }).waitFor();
    // What was said before is said again in the language chosen.
    await page.getByText("الاسم مطلوب هنا.").waitFor();
    expect(await page.evaluate(root)).toEqual(["ar", "rtl"]);
    await page.reload();
    await page.getByRole("heading", { name: "مرحبًا بعودتك" }).waitFor();
    await page.locator("#username").fill("x");
    await page.locator("#password").fill("not this one");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("الاسم وكلمة المرور غير متطابقين.").waitFor();
    await page.getByRole("combobox", { name: "اللغة" }).selectOption("");
    await page.getByRole("button", { name: "Konto anlegen" }).click();
    await page.getByRole("button", { name: "Konto anlegen" }).click();
    await page.getByText("Ein Name hat 2 bis 32").waitFor();
    expect(await page.evaluate("localStorage.language")).toBe("");
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("is mirrored in Arabic: the list on the right, one's own on the left; on a phone the list slides in from the right", async () => {
    const url = rig.url();
    const { page, wrongs, close } = await sitDown(browser, url, { locale: "ar-EG", viewport: { width: 1000, height: 700 } }); // prettier-ignore
    await page.getByRole("button", { name: "إنشاء حساب" }).click();
    await page.keyboard.type("سلمى");
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    const box = page.getByRole("textbox", { name: "الرسالة" });
    await box.waitFor();
    const other = await Person.signUp(url, "Tariq");
    await (await other.chat()).post("global", "hello, 3 > 2");
    await page.getByText("hello, 3 > 2").last().waitFor();
    await box.fill("أهلًا");
    await page.keyboard.press("Enter");
    await page.locator('.mine[data-state="sent"]').waitFor();
    const x = async (selector: string) => (await page.locator(selector).first().boundingBox())!;
    const [list, room, theirs, own] = [await x(".sidebar"), await x(".room"), await x(".message:not(.mine) .bubble"), await x(".mine .bubble")]; // prettier-ignore
    expect(list.x).toBeGreaterThan(room.x + room.width);
    expect(theirs.x + theirs.width).toBeGreaterThan(room.x + room.width - 80);
    expect(own.x).toBeLessThan(room.x + 80);
    await page.setViewportSize({ width: 320, height: 568 });
    await page.getByRole("button", { name: "الغرف" }).click();
    await eventually(async () => {
      const { x: left, width } = await x(".sidebar");
      expect(Math.round(left + width)).toBe(320);
    });
    expect(wrongs).toEqual([]);
    await other.closeAll();
    await close();
  }, 60_000);

  test("a time reads as the page does, whichever way the message runs", async () => {
    const { page, signUp, wrongs, close } = await sitDown(browser, rig.url(), { locale: "en-US" });
    await signUp("Layla");
    const box = page.locator(".composer textarea");
    /** Where the first and the last character of the latest time stand. */
    const ends = `(() => {
      const { firstChild: text } = [...document.querySelectorAll(".meta time")].at(-1);
      const left = (at) => {
        const range = new Range();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        return range.getBoundingClientRect().left;
      };
      return [left(0), left(text.length - 1)];
    })()`;
    for (const [language, text, step] of [
      ["en", "مرحبا بالجميع", 1],
      ["ar", "hello to all of you", -1],
    ] as const) {
      // prettier-ignore
      await page.locator(".language select").selectOption(language);
      await box.fill(text);
      await box.press("Enter");
      await page.locator('.mine[data-state="sent"]', { hasText: text }).waitFor();
      const [first, last] = (await page.evaluate(ends)) as [number, number];
      expect(Math.sign(last - first)).toBe(step);
    }
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test.each(["en-US", "de-DE", "ar-EG"])(
    "%s: nothing is wider than a phone of 320 pixels",
    async (locale) => {
      const phone = { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true, locale };
      const { page, wrongs, close } = await sitDown(browser, rig.url(), phone);
      /** What reaches beyond the screen, but for what slides in. */
      const wide = () =>
        page.evaluate(
          `[...document.querySelectorAll("#app *:not(.for-ears, .for-ears *)")].filter((e) => e.checkVisibility({ visibilityProperty: true })).filter((e) => { const r = e.getBoundingClientRect(); return r.left < -1 || r.right > innerWidth + 1 || (e.matches("button, h1, p, label") && e.scrollWidth > e.clientWidth + 1 && !e.closest("h1")); }).map((e) => e.outerHTML.slice(0, 80))`,
        );
      expect(await wide()).toEqual([]);
      await page.locator("footer .link").tap();
      await page.locator("#username").fill("x".repeat(64));
      await page.locator("#password").fill("password1");
      await page.keyboard.press("Enter");
      await page.locator(".hint.wrong").nth(1).waitFor();
      expect(await wide()).toEqual([]);
      await page.locator("#username").fill(`Wanderer-${locale}`);
      await page.locator("#password").fill(PASSWORD);
      await page.keyboard.press("Enter");
      await page.locator(".composer textarea").waitFor();
      expect(await wide()).toEqual([]);
      await page.locator(".menu button").tap();
      await eventually(async () => expect(await page.locator(".sidebar").isVisible()).toBe(true));
      // It slides.
      await eventually(async () => expect(await wide()).toEqual([]));
      expect(wrongs).toEqual([]);
      await close();
    },
    60_000,
  );
});

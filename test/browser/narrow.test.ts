/** Small screens, large text, and a page that is zoomed: nothing is cut off, nothing is out of reach. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { SCREENS, setStage, showScreen, type Stage } from "./screens.ts";

const wide = (page: Page) => page.evaluate("document.documentElement.scrollWidth - innerWidth");

/** Buttons, fields and choices that are smaller than a finger needs (24 px each way), but for words within a sentence. */
const SMALL = `[...document.querySelectorAll("button, input, textarea, [role=option]")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest("[inert], p, .card footer"))
  .map((element) => ({ name: element.ariaLabel ?? element.textContent, box: (element.closest("label, .field-box") ?? element).getBoundingClientRect() }))
  .filter(({ box }) => box.width < 24 || box.height < 24)
  .map(({ name }) => name)`;

/** Words that are cut off where nothing says so: neither an ellipsis nor a place that scrolls. */
const CUT = `[...document.querySelectorAll("h1, h2, p, label, button, dt, dd, kbd, .bubble, .row-title time, .hint, .badge")]
  .filter((element) => element.checkVisibility() && !element.closest(".for-ears, [inert], .skips"))
  .filter((element) => {
    const { overflowX, textOverflow } = getComputedStyle(element);
    return overflowX !== "visible" && textOverflow !== "ellipsis" && (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
  })
  .map((element) => element.textContent)`;

describe.skipIf(!haveChromium)("where there is little room", () => {
  let rig: Rig;
  let browser: Browser;
  let stage: Stage;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
    stage = await setStage(rig.url(), browser);
  }, 60_000);
  afterAll(async () => {
    await stage?.grace.closeAll();
    await Promise.all([rig?.stop(), browser?.close()]);
  });

  test("the list on a phone takes the focus, keeps it, and gives it back; closed, it is not there", async () => {
    const { page, wrongs, close } = await showScreen(stage, "phone, the room");
    const focus = () => page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText");
    // Nobody asked for a keyboard.
    expect(await focus()).toBe("Everyone");
    const inList = `document.querySelector(".sidebar").contains(document.activeElement)`;
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("Tab");
      expect(await page.evaluate(inList)).toBe(false);
    }
    await page.getByRole("button", { name: "Rooms" }).tap();
    await eventually(async () => expect(await page.evaluate(inList)).toBe(true));
    expect(await focus()).toContain("Everyone");
    const stops = new Set<unknown>();
    for (let i = 0; i < 14; i++) {
      await page.keyboard.press("Tab");
      // Beyond the page's end are the browser's own buttons.
      if (
        await page.evaluate("document.activeElement !== document.body && !document.activeElement.closest('.skips')")
      ) {
        expect(await page.evaluate(inList)).toBe(true);
        stops.add(await focus());
      }
    }
    expect(stops.size).toBeGreaterThan(6);
    await page.keyboard.press("Escape");
    await eventually(async () => expect(await focus()).toBe("Rooms"));
    await page.getByRole("button", { name: "Rooms" }).tap();
    await page.getByRole("button", { name: "Close the list" }).tap();
    await eventually(async () => expect(await focus()).toBe("Rooms"));
    await page.getByRole("button", { name: "Rooms" }).tap();
    await page
      .getByRole("navigation")
      .getByRole("button", { name: /^Grace/ })
      .tap();
    await eventually(async () => expect(await focus()).toMatch(/^Grace/));
    await eventually(async () => expect(await page.getByRole("navigation").isVisible()).toBe(false));
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  for (const name of Object.keys(SCREENS))
    test(`on the screen "${name}" at 320 by 256 (400 % of 1280 by 1024) and with wide text nothing is cut off`, async () => {
      const { page, wrongs, close } = await showScreen(stage, name);
      await page.setViewportSize({ width: 320, height: 568 });
      expect([await wide(page), await page.evaluate(SMALL), await page.evaluate(CUT)]).toEqual([0, [], []]);
      await page.setViewportSize({ width: 320, height: 256 });
      expect([await wide(page), await page.evaluate(CUT)]).toEqual([0, []]);
      // What is written in and what is read are both there.
      const log = await page.locator(".log").count();
      if (log) {
        expect((await page.locator(".log").boundingBox())!.height).toBeGreaterThan(90);
        const composer = (await page.locator(".composer").boundingBox())!;
        expect(composer.y + composer.height).toBeLessThanOrEqual(256);
      }
      // WCAG 1.4.12.
      await page.evaluate(`{
        const sheet = new CSSStyleSheet();
        sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }");
        document.adoptedStyleSheets = [sheet];
      }`);
      await page.setViewportSize({ width: 320, height: 568 });
      expect([await wide(page), await page.evaluate(CUT)]).toEqual([0, []]);
      expect(wrongs).toEqual([]);
      await close();
    }, 60_000);

  test("in a short window, as of a phone on its side, the list shows rooms, and all below them is in reach", async () => {
    const { page, wrongs, close } = await showScreen(stage, "phone, the list");
    for (const size of [
      { width: 560, height: 360 },
      { width: 844, height: 390 },
    ]) {
      // prettier-ignore
      await page.setViewportSize(size);
      const whole = `[...document.querySelectorAll(".sidebar .row")].filter((row) => {
        const { left, bottom } = row.getBoundingClientRect();
        return row.contains(document.elementFromPoint(left + 30, bottom - 4));
      }).length`;
      expect(await page.evaluate(whole)).toBeGreaterThanOrEqual(3);
      const logOut = page.getByRole("button", { name: "Log out" });
      await logOut.scrollIntoViewIfNeeded();
      const { y, height } = (await logOut.boundingBox())!;
      expect(y + height).toBeLessThanOrEqual(size.height);
      await page.locator(".sidebar .row").first().scrollIntoViewIfNeeded();
    }
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("a larger letter size of the browser's own is taken", async () => {
    const { page, close } = await showScreen(stage, "conversation");
    const size = () => page.evaluate("parseFloat(getComputedStyle(document.querySelector('.words')).fontSize)");
    expect(await size()).toBe(16);
    await page.evaluate("document.documentElement.style.fontSize = '200%'");
    expect([await size(), await wide(page), await page.evaluate(CUT)]).toEqual([32, 0, []]);
    await close();
  }, 60_000);

  test("where an on-screen keyboard lies over the page, the composer is above it", async () => {
    const { page, close } = await showScreen(stage, "phone, the room");
    const bottom = () =>
      page.evaluate("Math.round(document.querySelector('.composer').getBoundingClientRect().bottom)");
    expect(await bottom()).toBe(568);
    // As iOS does it: what is seen gets smaller, the page does not.
    await page.evaluate(`{
      Object.defineProperty(visualViewport, "height", { value: 300, configurable: true });
      visualViewport.dispatchEvent(new Event("resize"));
    }`);
    expect(await bottom()).toBe(300);
    await page.evaluate(`delete visualViewport.height; visualViewport.dispatchEvent(new Event("resize"))`);
    expect(await bottom()).toBe(568);
    await close();
  }, 60_000);
});

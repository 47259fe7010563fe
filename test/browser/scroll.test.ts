/** A long room of the page, in a real Chromium: a hundred thousand messages, of which few are in the document and none jumps. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Person } from "../support/client.ts";
import { clusterRig, type Rig, startServer } from "../support/server.ts";
import { eventually, freePort, haveServices } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";
import { COUNT, enlargePages, fill } from "./long.ts";

/** Where the first whole line in view stands, to the pixel, and which it is. */
const LOOK = `(() => {
  const log = document.querySelector(".log");
  const top = log.getBoundingClientRect().top;
  const line = [...document.querySelectorAll(".words")].find((words) => words.getBoundingClientRect().top >= top);
  return line && { text: /^line \\d+/.exec(line.textContent)[0], y: line.getBoundingClientRect().top - top };
})()`;
/** The same of the line at the top edge. */
const EDGE = LOOK.replace(
  "words.getBoundingClientRect().top >= top",
  "words.closest('li').getBoundingClientRect().bottom > top",
);
type Look = { text: string; y: number };

const look = ({ page }: Hand) => page.evaluate(LOOK) as Promise<Look>;
const yOf = ({ page }: Hand, text: string) =>
  page.evaluate(`(() => {
    const line = [...document.querySelectorAll(".words")].find(({ textContent }) => textContent.startsWith("${text}."));
    return line && line.getBoundingClientRect().top - document.querySelector(".log").getBoundingClientRect().top;
  })()`) as Promise<number | undefined>;
/** It is where it should be. A box is scrolled by whole pixels, and not every line is of a whole number of them. */
const expectAt = async (hand: Hand, text: string, y: number) =>
  expect(Math.abs((await yOf(hand, text))! - y)).toBeLessThanOrEqual(1);
/** The line with that text, once it is in the document. */
const shown = ({ page }: Hand, text: string) => page.locator(`.words:text-is("${text}")`).waitFor();
const rowsOf = ({ page }: Hand) => page.evaluate(`document.querySelectorAll(".lines li").length`) as Promise<number>;

/** The scroll has come to rest, and what it asked for is there. */
async function rest(hand: Hand): Promise<Look> {
  let last = await look(hand);
  let still = 0;
  await eventually(async () => {
    await Bun.sleep(300);
    const now = await look(hand);
    still = now.text === last.text && now.y === last.y ? still + 1 : 0;
    last = now;
    // A busy machine makes few frames a second.
    expect(still).toBeGreaterThanOrEqual(3);
  }, 20_000);
  return last;
}

/** Nothing of what is there covers other lines, and no gap is between them or at an edge of the view. */
const GAPS = `(() => {
  const log = document.querySelector(".log").getBoundingClientRect();
  const lines = [...document.querySelectorAll(".lines li")].map((line) => line.getBoundingClientRect());
  return [
    lines.length === 0 || (lines[0].top > log.top + 60 && document.querySelector(".log").scrollTop > 0),
    lines.some((line, i) => i && Math.abs(line.top - lines[i - 1].bottom) > 0.1),
    lines.length && lines.at(-1).bottom < log.bottom - 60,
  ].some(Boolean);
})()`;

describe.skipIf(!haveChromium || !haveServices)("a long room of the page", () => {
  let rig: Rig;
  let browser: Browser;
  let writer: Person;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([clusterRig({ PORT: String(await freePort()) }, 1), openBrowser()]);
    writer = await Person.signUp(rig.url(), "Chronist");
    await fillIn(1, COUNT);
  }, 120_000);
  /** While the server is away: it would tell of each. */
  async function fillIn(from: number, to: number): Promise<void> {
    await rig.servers[0]!.kill("SIGKILL");
    await rig.sql(fill(from, to));
    rig.servers[0] = await startServer(rig.env);
  }
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("what is looked at keeps its place, to the pixel, while older pages come, others write, and the window changes", async () => {
    const hand = await sitDown(browser, rig.url(), { viewport: { width: 1000, height: 700 } });
    await hand.signUp("Ruhig");
    await shown(hand, `line ${COUNT}.`);
    const socket = await writer.chat();
    for (let round = 0; round < 5; round++) {
      await hand.wheel(-900, 4);
      expect(await rowsOf(hand)).toBeLessThanOrEqual(80);
      const { text, y } = await rest(hand);
      expect(await hand.page.evaluate(GAPS)).toBe(false);
      await socket.post("global", `new ${round}`);
      await hand.page.getByRole("button", { name: `To the latest, ${round + 1} new` }).waitFor();
      await expectAt(hand, text, y);
    }
    // The line at the top edge begins where it began; others may be broken anew.
    for (const width of [420, 1000]) {
      const edge = (await hand.page.evaluate(EDGE)) as Look;
      await hand.page.setViewportSize({ width, height: 600 });
      await rest(hand);
      await expectAt(hand, edge.text, edge.y);
      expect(await hand.page.evaluate(GAPS)).toBe(false);
    }
    await hand.page.getByRole("button", { name: "To the latest" }).click();
    await shown(hand, "new 4");
    await eventually(async () => expect(await hand.page.locator(".latest").count()).toBe(0));
    // Where one stands at the end, one stays there.
    await socket.post("global", "new 5");
    await shown(hand, "new 5");
    const isEnd = `(() => { const log = document.querySelector(".log"); return log.scrollHeight - log.clientHeight - log.scrollTop < 1 })()`;
    expect(await hand.page.evaluate(isEnd)).toBe(true);
    expect(hand.wrongs).toEqual([]);
    await socket.close();
    await hand.close();
  }, 120_000);

  test("the wheel turns as far as it turns, whatever heights become known on the way", async () => {
    const hand = await sitDown(browser, rig.url(), { viewport: { width: 1000, height: 700 } });
    await hand.signUp("Genau");
    await hand.page.locator(".words").nth(10).waitFor();
    await hand.wheel(-700, 2);
    let { text, y } = await rest(hand);
    for (const by of [-300, -300, 200, -350, -400, 250, -100]) {
      await hand.wheel(by);
      const now = await rest(hand);
      await expectAt(hand, text, y - by);
      ({ text, y } = now);
    }
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 120_000);

  test("the place is kept over a reload, another room and a server that comes back; it is forgotten at the end", async () => {
    const hand = await sitDown(browser, rig.url(), { viewport: { width: 1000, height: 700 } });
    await hand.signUp("Treu");
    await hand.page.locator(".words").nth(10).waitFor();
    await hand.wheel(-1_500, 6);
    const { text, y } = await rest(hand);
    const isThere = () => eventually(() => expectAt(hand, text, y), 20_000);

    await hand.page.getByRole("textbox", { name: "Message", exact: true }).fill("not yet sent");
    await hand.page.reload();
    await isThere();
    expect(await rowsOf(hand)).toBeLessThanOrEqual(80);
    expect(await hand.page.getByRole("textbox", { name: "Message", exact: true }).inputValue()).toBe("not yet sent");

    await hand.find("chronist");
    await hand.page.getByRole("heading", { name: "Chronist" }).waitFor();
    await hand.page.reload();
    await hand.page.getByRole("heading", { name: "Chronist" }).waitFor();
    await hand.openRoom(/^Everyone/);
    await isThere();

    // More came meanwhile than is replayed: the room is loaded anew.
    await fillIn(COUNT + 100, COUNT + 700);
    await eventually(async () => expect(await hand.page.getByText("Reconnecting…").count()).toBe(0), 30_000);
    await hand.page.getByRole("button", { name: /To the latest, \d+ new/ }).waitFor();
    await isThere();

    await hand.page.getByRole("button", { name: "To the latest" }).click();
    await shown(hand, `line ${COUNT + 700}.`);
    await eventually(async () => expect(await hand.page.locator(".latest").count()).toBe(0));
    await Bun.sleep(300);
    await hand.page.reload();
    await shown(hand, `line ${COUNT + 700}.`);
    await hand.page.getByRole("button", { name: "Log out" }).click();
    await hand.page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(await hand.page.evaluate("JSON.stringify({ ...sessionStorage })")).toBe("{}");
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 120_000);

  test("with all of a hundred thousand messages held, at most eighty are in the document, by wheel, keys and finger", async () => {
    const hand = await sitDown(browser, rig.url(), { viewport: { width: 360, height: 740 }, hasTouch: true });
    await hand.signUp("Sammler");
    const { page } = hand;
    await page.locator(".words").nth(10).waitFor();
    const last = (await hand.texts()).at(-1)!;
    await enlargePages(page);
    const check = async () => {
      expect(await rowsOf(hand)).toBeLessThanOrEqual(80);
      expect(await rowsOf(hand)).toBeGreaterThan(10);
      await eventually(async () => expect(await page.evaluate(GAPS)).toBe(false));
    };
    await page.getByRole("region", { name: "Messages" }).focus();
    await eventually(async () => {
      await page.keyboard.press("Home");
      expect(await rowsOf(hand)).toBeLessThanOrEqual(80);
      expect(await page.getByText("line 1.", { exact: true }).count()).toBe(1);
    }, 60_000);
    expect(await page.locator(".lines").evaluate((list: { clientHeight: number }) => list.clientHeight)).toBeGreaterThan(4_000_000); // prettier-ignore
    await check();
    await page.keyboard.press("End");
    await shown(hand, last);
    for (const key of ["PageUp", "PageUp", "ArrowUp", "PageUp", "PageDown"]) {
      await page.keyboard.press(key);
      await rest(hand);
      await check();
    }
    for (const by of [600, 1_500, -400, 900]) {
      await hand.swipe(by);
      await check();
      await rest(hand);
    }
    // Somewhere in the middle, as by a drag of the scroll bar.
    await page.evaluate("document.querySelector('.log').scrollTop /= 2");
    await rest(hand);
    await check();
    const { text, y } = await look(hand);
    await hand.wheel(-200);
    await rest(hand);
    await expectAt(hand, text, y + 200);
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 180_000);
});

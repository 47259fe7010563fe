/**
 * How long a frame keeps the page busy with script and layout while a room of a hundred thousand messages is scrolled, in a trace of a real
 * Chromium.
 */
import type { Browser, Page } from "playwright-core";
import { sitDown } from "../browser/hand.ts";
import { COUNT, enlargePages, fill } from "../browser/long.ts";
import { Person } from "../support/client.ts";
import { clusterRig } from "../support/server.ts";
import { eventually } from "../support/services.ts";

/** Times in microseconds; `tdur` is what its thread ran, and did not wait for others on this machine. */
type TraceEvent = { name: string; ph: string; ts: number; dur: number; tdur?: number; pid: number; tid: number };

/** What the main thread does for the page, not for the pixels. */
const WORK = new Set(
  "EventDispatch FunctionCall EvaluateScript BlinkScheduler_PerformMicrotaskCheckpoint TimerFire FireAnimationFrame UpdateLayoutTree Layout PrePaint MinorGC MajorGC".split(" "), // prettier-ignore
);
const CATEGORIES = ["-*", "toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "v8"];

/** Milliseconds of work for each frame: for what the page did between two of them, too. */
async function trace(browser: Browser, page: Page, act: () => Promise<unknown>): Promise<number[]> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await act();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const all = traceEvents.filter(({ ph }) => ph === "X").sort((one, other) => one.ts - other.ts);
  const { pid, tid } = all.find(({ name }) => name === "Layout")!;
  const frames: number[] = [];
  let busy = 0;
  let end = 0;
  for (const { name, ts, dur, tdur = 0 } of all.filter((event) => event.pid === pid && event.tid === tid)) {
    if (name === "Commit") {
      frames.push(busy);
      busy = 0;
    }
    // What stands inside of other work is counted with it.
    if (!WORK.has(name) || ts < end) continue;
    busy += tdur / 1_000;
    end = ts + dur;
  }
  return frames;
}

/** Milliseconds of script and layout of each frame, by what was done. Starts a server of its own. */
export async function scrollFrames(browser: Browser): Promise<Record<string, number[]>> {
  const rig = await clusterRig({}, 1);
  const writer = await Person.signUp(rig.url(), "Chronist");
  await rig.sql(fill(COUNT - 50, COUNT));
  const hand = await sitDown(browser, rig.url(), { viewport: { width: 1280, height: 900 } });
  const { page } = hand;
  await hand.signUp("Reader");
  await page.locator(".words").nth(10).waitFor();
  await enlargePages(page);
  await page.locator(".log").focus();
  await eventually(async () => {
    await page.keyboard.press("Home");
    if (!(await hand.texts()).includes("line 1.")) throw new Error("older messages are still to come");
  }, 120_000);
  await page.evaluate("document.querySelector('.log').scrollTop = 2e6");
  await Bun.sleep(500);

  const frames: Record<string, number[]> = {};
  frames["the wheel, up"] = await trace(browser, page, () => hand.wheel(-120, 80));
  frames["the wheel, as fast as it goes"] = await trace(browser, page, () => hand.wheel(-2_500, 80));
  const jump = `new Promise((resolve) => {
    const log = document.querySelector(".log");
    let left = 60;
    const next = () => {
      log.scrollTop = (log.scrollHeight / 60) * left--;
      if (left) requestAnimationFrame(() => requestAnimationFrame(next));
      else resolve();
    };
    next();
  })`;
  frames["the scroll bar, from end to end"] = await trace(browser, page, () => page.evaluate(jump));
  await hand.wheel(-2_000, 3);
  const socket = await writer.chat();
  frames["the wheel, while a hundred messages a second come"] = await trace(browser, page, async () => {
    const sent: Promise<unknown>[] = [];
    const timer = setInterval(() => sent.push(socket.post("global", `busy ${sent.length}`)), 10);
    await hand.wheel(-120, 60);
    clearInterval(timer);
    await Promise.all(sent);
  });
  if (hand.wrongs.length) throw new Error(hand.wrongs.join("\n"));
  await writer.closeAll();
  await hand.close();
  await rig.stop();
  return frames;
}

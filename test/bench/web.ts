/**
 * `bun run bench:web [runs]`: how long a person waits for the page, in a real Chromium, over PostgreSQL, server and browser warm. Each
 * figure is a median; bench-web.json has every value.
 */
import { cpus } from "node:os";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { openBrowser } from "../browser/chromium.ts";
import { sitDown } from "../browser/hand.ts";
import { Person } from "../support/client.ts";
import { clusterRig } from "../support/server.ts";
import { cleanUp } from "../support/services.ts";
import { median, shown, verdict } from "./table.ts";
import { scrollFrames } from "./web-scroll.ts";

const RUNS = Number(process.argv[2] ?? 15);
const TYPED = Number(process.argv[3] ?? 200);
const HISTORY = 120;
const CARD = `document.querySelector(".card h1")`;
const LAST = `line ${HISTORY}`;
const ROOM = `[...document.querySelectorAll(".words")].some((words) => words.textContent === ${JSON.stringify(LAST)})`;

/**
 * Before anything of the page: `painted` settles when the first content had been painted and what is waited for was there and had had a frame
 * (ms since the navigation began).
 */
const watch = (there: string) => `window.painted = new Promise((resolve) => {
  const done = (at) => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    if (paint) resolve(Math.max(paint.startTime, at));
    else requestAnimationFrame(() => done(at));
  };
  const look = () => {
    if (!(${there})) return;
    watcher.disconnect();
    // The frame that shows it is over when the next one begins.
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document, { childList: true, subtree: true, characterData: true });
})`;
const painted = (page: Page) => page.evaluate("painted") as Promise<number>;

/** In a fresh context: nothing of the page is in any cache. */
async function firstCard(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  await context.addInitScript(watch(CARD));
  const page = await context.newPage();
  // With a new context comes a window, and Chromium is busy with that for a while.
  await page.waitForTimeout(1_000);
  await page.goto(url);
  const ms = await painted(page);
  await context.close();
  return ms;
}

async function reloaded(context: BrowserContext, url: string): Promise<number> {
  const page = await context.newPage();
  await page.addInitScript(watch(ROOM));
  // The first of the two is not measured: the tab's process starts with it.
  await page.goto(url);
  await painted(page);
  await page.waitForTimeout(1_000);
  await page.reload();
  const ms = await painted(page);
  await page.close();
  return ms;
}

/** Notes when each row stands in the document, in ms since 1970, by the browser's own clock; and how long each Enter took to be seen. */
const NOTE_ROWS = `{
  window.rows = {};
  window.pressed = [];
  window.seen = [];
  window.row = (text) => new Promise((resolve) => {
    const look = () => (rows[text] ? resolve() : setTimeout(look, 5));
    look();
  });
  new MutationObserver(() => {
    const at = performance.timeOrigin + performance.now();
    for (const words of [...document.querySelectorAll(".words")].slice(-3)) rows[words.textContent] ??= at;
  }).observe(document.querySelector(".log"), { childList: true, subtree: true });
  addEventListener("keydown", ({ key, timeStamp }) => key === "Enter" && pressed.push(performance.timeOrigin + timeStamp), true);
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) if (name === "keydown") seen.push(duration);
  }).observe({ type: "event", durationThreshold: 16 });
}`;

type Rows = { rows: Record<string, number>; pressed: number[]; seen: number[] };

async function type(writer: Page, reader: Page) {
  await Promise.all([writer.evaluate(NOTE_ROWS), reader.evaluate(NOTE_ROWS)]);
  const texts = Array.from({ length: TYPED }, (_, i) => `typed ${i}`);
  await writer.getByRole("textbox", { name: "Message", exact: true }).focus();
  for (const text of texts) {
    await writer.keyboard.insertText(text);
    await writer.keyboard.press("Enter");
    await reader.evaluate(`row(${JSON.stringify(text)})`);
  }
  const noted = (page: Page) => page.evaluate("({ rows, pressed, seen })") as Promise<Rows>;
  const [mine, theirs] = await Promise.all([noted(writer), noted(reader)]);
  const since = (rows: Record<string, number>) => texts.map((text, i) => rows[text]! - mine.pressed[i]!);
  // Keys that were seen within 16 ms are not told of.
  const seen = [...mine.seen, ...Array.from({ length: Math.max(0, TYPED - mine.seen.length) }, () => 16)];
  return { row: since(mine.rows), seen, other: since(theirs.rows) };
}

/** Script and style as they travel. */
async function firstLoad(url: string): Promise<number> {
  const html = await (await fetch(url)).text();
  const sizes = [...html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css)\?v=[^"]+)"/g)].map(async ([, path]) => {
    const init = { headers: { "Accept-Encoding": "br" }, decompress: false } as RequestInit;
    return (await (await fetch(url + path, init)).arrayBuffer()).byteLength;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1_000;
}

const [rig, browser] = await Promise.all([clusterRig({}, 1), openBrowser()]);
const url = rig.url();
const chronicler = await Person.signUp(url, "Chronicler");
for (let i = 1; i <= HISTORY; i++)
  await chronicler.post("/api/chat/global/messages/", { content: i % 9 ? `line ${i}` : `line ${i} `.repeat(40) });
const [ada, grace] = [await sitDown(browser, url), await sitDown(browser, url)];
await ada.signUp("Ada");
await grace.signUp("Grace");
await ada.page.getByText(LAST, { exact: true }).last().waitFor();

const card: number[] = [];
const room: number[] = [];
await firstCard(browser, url);
await reloaded(ada.page.context(), url);
for (let run = 0; run < RUNS; run++) {
  card.push(await firstCard(browser, url));
  room.push(await reloaded(ada.page.context(), url));
}
const typed = await type(ada.page, grace.page);
await Promise.all([ada.close(), grace.close()]);
const frames = await scrollFrames(browser);

/** The goal is for the median, or for that part of the values. */
const rows: [what: string, values: number[], goal: number, unit: string, part?: number][] = [
  ["The log-in card is painted, nothing cached", card, 300, "ms"],
  [`A room with history is painted after a reload`, room, 500, "ms"],
  ["A typed message is in the document, from the key", typed.row, 16, "ms"],
  ["... and on the screen (Event Timing, in steps of 8)", typed.seen, Number.NaN, "ms"],
  ["... and in the other context's document", typed.other, 50, "ms"],
  ["Script and style of the first load, compressed", [await firstLoad(url)], 60, "kB"],
  ...Object.entries(frames).map(([how, values]): (typeof rows)[number] => [
    `A frame's script and layout in a room of 100,000 messages: ${how}`,
    values,
    8,
    "ms",
    0.95,
  ]),
];
const machine = `${cpus()[0]?.model}, ${cpus().length} cores, Bun ${Bun.version}, Chromium ${browser.version()}`;
console.log(`\n${machine}, medians of ${RUNS} loads and ${TYPED} messages\n`);
console.log("| | Median | 95 in 100 within | Goal | |\n| --- | ---: | ---: | --- | --- |");
for (const [what, values, goal, unit, part] of rows) {
  const most = values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1]!;
  const is = part ? most : median(values);
  const [wanted, met] = goal ? [`< ${goal} ${unit}${part ? ", 95 in 100" : ""}`, verdict(is < goal)] : ["", ""];
  console.log(`| ${what}, ${unit} | ${shown(median(values))} | ${shown(most)} | ${wanted} | ${met} |`);
}
const report = { when: new Date().toISOString(), machine, values: Object.fromEntries(rows) };
await Bun.write("bench-web.json", JSON.stringify(report, null, 1));
await browser.close();
await rig.stop();
cleanUp();
process.exit(0);

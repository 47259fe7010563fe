/** Contrast by pixels: what stands behind a text, whatever glass and light make of it. */
import { join } from "node:path";
import type { Page } from "playwright-core";

/** Some text or icon on the page: where it is (px), its colour, and the ratio it needs. */
type Ink = { what: string; color: string; needs: number; x: number; y: number; width: number; height: number };

/** In the page: all ink that is in view with nothing above it. */
const INK = `(() => {
  const all = [];
  function add(element, what, color, needs, { left, top, right, bottom }) {
    const view = (element.closest(".scrolls") ?? document.documentElement).getBoundingClientRect();
    const [x, y] = [Math.max(left, view.left), Math.max(top, view.top)];
    const [width, height] = [Math.min(right, view.right) - x, Math.min(bottom, view.bottom) - y];
    if (width < 3 || height < 3) return;
    const isSeen = [[1, 1], [width - 1, 1], [1, height - 1], [width - 1, height - 1], [width / 2, height / 2]].every(([dx, dy]) => {
      const hit = document.elementFromPoint(x + dx, y + dy);
      return hit && (element.contains(hit) || hit.contains(element));
    });
    if (isSeen) all.push({ what, color, needs, x, y, width, height });
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest(".for-ears, noscript") || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    for (const box of range.getClientRects()) add(element, texts.currentNode.data.slice(0, 40), getComputedStyle(element).color, 4.5, box);
  }
  for (const field of document.querySelectorAll("input:not([type=checkbox]), textarea")) {
    const { left, top, bottom } = field.getBoundingClientRect();
    const color = field.value ? getComputedStyle(field).color : getComputedStyle(field, "::placeholder").color;
    add(field, field.value || field.placeholder, color, 4.5, { left: left + 8, right: left + 80, top: top + 8, bottom: bottom - 8 });
  }
  for (const icon of document.querySelectorAll(".icon"))
    add(icon, icon.parentElement.ariaLabel ?? icon.parentElement.className, getComputedStyle(icon).color, 3, icon.getBoundingClientRect());
  return all;
})()`;

const HIDE = `(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::placeholder { color: transparent !important; caret-color: transparent !important } .icon { stroke: transparent !important }");
  document.adoptedStyleSheets.push(sheet);
})()`;
const SHOW = "document.adoptedStyleSheets.pop()";

/** In a page of no policy: the lowest ratio of each ink to any pixel behind it. */
const MEASURE = `async ([png, all]) => {
  const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
  canvas.drawImage(image, 0, 0);
  const one = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const linear = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = (data, i) => 0.2126 * linear(data[i]) + 0.7152 * linear(data[i + 1]) + 0.0722 * linear(data[i + 2]);
  return all.map((ink) => {
    one.fillStyle = ink.color;
    one.fillRect(0, 0, 1, 1);
    const own = light(one.getImageData(0, 0, 1, 1).data, 0);
    const { data } = canvas.getImageData(Math.ceil(ink.x) + 1, Math.ceil(ink.y) + 1, Math.max(1, ink.width - 3), Math.max(1, ink.height - 3));
    let ratio = Infinity;
    for (let i = 0; i < data.length; i += 4) {
      const behind = light(data, i);
      ratio = Math.min(ratio, (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05));
    }
    return ratio;
  });
}`;

/** All ink in view with its lowest ratio to what is behind it. @param desk a page without a policy, to measure on */
export async function contrasts(page: Page, desk: Page): Promise<(Ink & { ratio: number })[]> {
  const all = (await page.evaluate(INK)) as Ink[];
  await page.evaluate(HIDE);
  const png = (await page.screenshot()).toString("base64");
  await page.evaluate(SHOW);
  const ratios = (await desk.evaluate(`(${MEASURE})(${JSON.stringify([png, all])})`)) as number[];
  return all.map((ink, i) => ({ ...ink, ratio: ratios[i]! }));
}

/** The lights of the background, by name: how light each is in light looks and in dark ones (OKLCH). */
async function lights() {
  const tokens = await Bun.file(join(import.meta.dir, "../../src/web/style/tokens.css")).text();
  const all = tokens.matchAll(/--(ground|glow-\d): light-dark\(oklch\(([\d.]+)[^)]*\), oklch\(([\d.]+)/g);
  return [...all].map(([, name, light, dark]) => ({ name: `--${name}`, light: Number(light), dark: Number(dark) }));
}

/** The lightest and the darkest: what the background is anywhere, at any time, lies between the two. */
export async function extremes(scheme: "light" | "dark"): Promise<string[]> {
  const all = (await lights()).slice(0, 4).sort((one, other) => one[scheme] - other[scheme]);
  return [all[0]!.name, all.at(-1)!.name];
}

/** Makes the whole living background one of its own colours. */
export async function flood(page: Page, token: string): Promise<void> {
  await page.evaluate(`{
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { transition: none !important } body::before { background: var(${token}) !important }");
    document.adoptedStyleSheets = [sheet];
  }`);
}

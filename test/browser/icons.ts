/** Draws the icons that must be PNGs, from the one that is an SVG: `bun test/browser/icons.ts`, once after a change of it. */
import { join } from "node:path";
import { ICON } from "../../src/web/build.ts";
import { cleanUp } from "../support/services.ts";
import { openBrowser } from "./chromium.ts";

/** `drop`: how much of the width it takes; of a maskable icon only the inner four fifths are sure to be seen. */
const ICONS = [
  { name: "icon-192", size: 192, drop: 1, ground: "transparent" },
  { name: "icon-512", size: 512, drop: 1, ground: "transparent" },
  { name: "icon-maskable", size: 512, drop: 0.62, ground: "#e9f1f9" },
  { name: "apple-touch-icon", size: 180, drop: 0.74, ground: "#e9f1f9" },
];

const browser = await openBrowser();
for (const { name, size, drop, ground } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const src = `data:image/svg+xml;base64,${btoa(ICON)}`;
  await page.setContent(
    `<body style="margin:0;height:100vh;display:grid;place-items:center;background:${ground}"><img src="${src}" width="${size * drop}"></body>`,
  );
  const path = join(import.meta.dir, `../../src/web/icons/${name}.png`);
  await page.screenshot({ path, omitBackground: true });
  await page.close();
}
await browser.close();
cleanUp();

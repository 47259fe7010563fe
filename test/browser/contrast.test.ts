/** Text over glass can be read, wherever the lights of the background have drifted. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { contrasts, extremes, flood } from "./contrast.ts";
import { LOOKS, setStage, showScreen, type Stage, wear } from "./screens.ts";

/** Those that show all there is; of forced colours the system decides. */
const SHOWN = ["sign-up, with errors", "conversation", "search", "shortcuts", "switcher", "offline", "failed send", "leaving", "phone, the list"]; // prettier-ignore

describe.skipIf(!haveChromium)("text has a contrast of 4.5 and icons of 3, over every light of the background", () => {
  let rig: Rig;
  let browser: Browser;
  let stage: Stage;
  let desk: Page;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
    [stage, desk] = await Promise.all([setStage(rig.url(), browser), browser.newPage()]);
  }, 60_000);
  afterAll(async () => {
    await stage?.grace.closeAll();
    await Promise.all([rig?.stop(), browser?.close()]);
  });

  test("the measure is right: grey on white, and faint text on a picture of two colours", async () => {
    const page = await browser.newPage();
    await page.setContent(
      `<p style="color: #767676; background: #fff">grey</p><p style="color: #fff; background: linear-gradient(90deg, #000 50%, #777 50%); display: inline-block">two</p>`,
    );
    const [grey, two] = await contrasts(page, desk);
    expect(grey!.ratio).toBeCloseTo(4.54, 1);
    expect(two!.ratio).toBeCloseTo(4.48, 1);
    await page.close();
  }, 60_000);

  for (const name of SHOWN)
    test(`on the screen "${name}"`, async () => {
      const { page, close } = await showScreen(stage, name);
      const faint = new Set<string>();
      for (const [look, wanted] of Object.entries(LOOKS)) {
        if (wanted.forcedColors) continue;
        await wear(page, wanted);
        for (const token of await extremes(wanted.colorScheme)) {
          await flood(page, token);
          const all = await contrasts(page, desk);
          expect(all.length).toBeGreaterThan(5);
          for (const { what, ratio, needs } of all)
            if (ratio < needs) faint.add(`${what}: ${ratio.toFixed(2)} in ${look} over ${token}`);
        }
      }
      expect([...faint]).toEqual([]);
      await close();
    }, 120_000);

  test("who asks for less transparency sees through nothing, and who asks for less motion sees nothing move", async () => {
    const { page, close } = await showScreen(stage, "conversation");
    const devtools = await page.context().newCDPSession(page);
    const ask = (name: string, value: string) => devtools.send("Emulation.setEmulatedMedia", { features: [{ name, value }] }); // prettier-ignore
    const seenThrough = () =>
      page.evaluate(`[...document.querySelectorAll(".glass, .bubble, .field-box")].filter((element) => {
        const { backgroundColor, backgroundImage, backdropFilter } = getComputedStyle(element);
        return (backgroundImage === "none" && /[/]/.test(backgroundColor)) || backdropFilter !== "none";
      }).length`) as Promise<number>;
    await ask("prefers-reduced-transparency", "no-preference");
    expect(await seenThrough()).toBeGreaterThan(2);
    await ask("prefers-reduced-transparency", "reduce");
    await eventually(async () => expect(await seenThrough()).toBe(0));

    const moving = () => page.evaluate("document.getAnimations().length") as Promise<number>;
    await ask("prefers-reduced-motion", "no-preference");
    await eventually(async () => expect(await moving()).toBeGreaterThan(2));
    await ask("prefers-reduced-motion", "reduce");
    await eventually(async () => expect(await moving()).toBe(0));
    await close();
  }, 60_000);
});

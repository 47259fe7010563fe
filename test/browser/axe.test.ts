/** Every screen in every look, judged by axe: WCAG 2.2 AA and its best practices. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { PASSWORD } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { LOOKS, SCREENS, setStage, showScreen, type Stage, wear } from "./screens.ts";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

type Found = { id: string; help: string; nodes: { html: string }[] };

/** What axe finds: wrong for sure, and what it leaves to others' eyes. */
async function judged(page: Page) {
  // Told to the browser itself, the page's policy need not let it in.
  await page.evaluate(`window.axe || ${axe.source}`);
  const results = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(TAGS)}, resultTypes: ["violations", "incomplete"] })`,
  )) as { violations: Found[]; incomplete: Found[]; passes: unknown[] };
  const short = (all: Found[]) => all.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`)); // prettier-ignore
  return { wrong: short(results.violations), unsure: short(results.incomplete), right: results.passes.length };
}

describe.skipIf(!haveChromium)("axe finds nothing", () => {
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

  test("it would find an image without words and text that cannot be read", async () => {
    const page = await browser.newPage();
    await page.setContent(`<main><h1>A</h1><img src="a.png"><p style="color: #aaa; background: #bbb">faint</p></main>`);
    const ids = (await judged(page)).wrong.map((found) => found.split(":")[0]);
    expect(ids).toContain("image-alt");
    expect(ids).toContain("color-contrast");
    await page.close();
  }, 60_000);

  async function judgeAll(page: Page, screen: string, looks = Object.entries(LOOKS)): Promise<void> {
    for (const [look, wanted] of looks) {
      await wear(page, wanted);
      const { wrong, unsure, right } = await judged(page);
      expect([screen, look, wrong]).toEqual([screen, look, []]);
      expect(right).toBeGreaterThan(10);
      // Contrast over glass is beyond axe: contrast.test.ts measures it.
      expect(unsure.filter((found) => !found.startsWith("color-contrast:"))).toEqual([]);
    }
  }

  for (const name of Object.keys(SCREENS))
    test(`on the screen "${name}", in ${Object.keys(LOOKS).join("; ")}`, async () => {
      const { page, wrongs, close } = await showScreen(stage, name);
      await judgeAll(page, name);
      expect(wrongs).toEqual([]);
      await close();
    }, 60_000);

  test("on all that admins see, in dark and light", async () => {
    await runProgram(["create-admin", stage.name], rig.env);
    const { page, wrongs, close } = await showScreen(stage, "room");
    await page.goto(`${stage.url}/admin/`);
    const button = (name: string) => page.getByRole("button", { name });
    const judge = (screen: string) => judgeAll(page, screen, Object.entries(LOOKS).slice(0, 2));
    await button(`Reset password: ${stage.name}`).waitFor();
    await judge("people");
    await button(`Reset password: ${stage.name}`).click();
    await judge("question");
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByLabel("Link", { exact: true }).waitFor();
    await judge("link");
    await page.keyboard.press("Escape");
    for (const name of ["Rooms", "Live", "Log"]) {
      await page.getByRole("link", { name }).click();
      await page.locator(".table li").first().waitFor();
      await judge(name);
    }
    await page.getByRole("link", { name: "Rooms" }).click();
    await button("Messages: Everyone").click();
    await page.locator(".said").first().waitFor();
    await judge("messages");
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);
});

/** Administration, in a real Chromium: what an admin sees and does, and what the others see of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { PASSWORD, Person } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

const SHOTS = process.env.SCREENSHOTS;
const shoot = async ({ page }: Hand, name: string) => {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/admin-${name}.png` });
};

describe.skipIf(!haveChromium)("administration", () => {
  let rig: Rig;
  let browser: Browser;
  let bob: Person;
  let admin: Hand;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
    admin = await sitDown(browser, rig.url());
    await admin.signUp("Ada");
    bob = await Person.signUp(rig.url(), "bob");
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  const row = (text: string) => admin.page.locator(".table li").filter({ hasText: text });
  async function confirm(password = PASSWORD): Promise<void> {
    await admin.page.getByLabel("Your password").fill(password);
    await admin.page.keyboard.press("Enter");
  }
  const gone = () => eventually(async () => expect(await admin.page.getByRole("dialog").count()).toBe(0));

  test("whoever is no admin is told so, and sees nothing", async () => {
    await admin.page.goto(`${rig.url()}/admin/`);
    await admin.page.getByText("This is for administrators").waitFor();
    expect(await admin.page.getByText("bob").count()).toBe(0);
    await runProgram(["create-admin", "Ada"], rig.env);
    await admin.page.reload();
    await row("bob").waitFor();
    await shoot(admin, "people");
  }, 60_000);

  test("a person is found, disabled with the admin's own password, and enabled again", async () => {
    await admin.page.getByLabel("Find a person").fill("bo");
    await eventually(async () => expect(await admin.page.locator(".table li").count()).toBe(1));
    await row("bob").getByRole("button", { name: "Disable" }).click();
    await confirm("not the password");
    await admin.page.getByText("This is not your password").waitFor();
    expect((await bob.get("/api/auth/me/")).status).toBe(200);
    await shoot(admin, "ask");
    await confirm();
    await row("Disabled").waitFor();
    await gone();
    expect((await bob.get("/api/auth/me/")).status).toBe(401);
    await row("bob").getByRole("button", { name: "Enable" }).click();
    await confirm();
    await row("bob").getByRole("button", { name: "Disable" }).waitFor();
    await gone();
  }, 60_000);

  test("a link for a new password is made, and works", async () => {
    await row("bob").getByRole("button", { name: "Reset password" }).click();
    await confirm();
    const link = await admin.page.getByLabel("Link").inputValue();
    await shoot(admin, "link");
    await admin.page.getByRole("button", { name: "Done" }).click();
    const hand = await sitDown(browser, rig.url());
    await hand.page.goto(link);
    await hand.page.locator("#password").fill("teal-comet-9021");
    await hand.page.keyboard.press("Enter");
    await hand.page.getByRole("heading", { name: "That is done" }).waitFor();
    await hand.close();
  }, 60_000);

  test("on a phone nothing is wider than the page, and a face stands beside its name", async () => {
    await admin.page.setViewportSize({ width: 360, height: 740 });
    for (const name of ["Live", "Log", "Rooms", "People"]) {
      await admin.page.getByRole("link", { name }).click();
      await admin.page.getByRole("main", { name }).waitFor();
      const beyond = await admin.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect([name, beyond]).toEqual([name, 0]);
    }
    await row("bob").waitFor();
    const [face, facts] = await Promise.all(
      [".avatar", ".facts"].map((part) => row("bob").locator(part).boundingBox()),
    );
    expect(facts!.x).toBeGreaterThan(face!.x + face!.width);
    await shoot(admin, "phone");
    await admin.page.setViewportSize({ width: 1280, height: 720 });
  }, 60_000);

  test("the last admin cannot be taken away", async () => {
    await admin.page.getByLabel("Find a person").fill("");
    await row("Ada").getByRole("button", { name: "Remove administrator" }).click();
    await confirm();
    await admin.page.getByText("the last administrator").waitFor();
    await admin.page.getByRole("button", { name: "Cancel" }).click();
  }, 60_000);

  test("a message is found and removed: both open pages see it go", async () => {
    const [grace, olga] = await Promise.all([sitDown(browser, rig.url()), sitDown(browser, rig.url())]);
    await grace.signUp("Grace");
    await olga.signUp("Olga");
    await grace.say("something nasty");
    await grace.say("something nice");
    await eventually(async () => expect(await olga.texts()).toEqual(["something nasty", "something nice"]));
    await admin.page.getByRole("link", { name: "Rooms" }).click();
    await row("Everyone").getByRole("button", { name: "Messages" }).click();
    await admin.page.getByLabel("Find in this room").fill("nast");
    await eventually(async () => expect(await admin.page.locator(".table li").count()).toBe(1));
    await shoot(admin, "messages");
    await row("something nasty").getByRole("button", { name: "Remove" }).click();
    await confirm();
    await gone();
    await eventually(async () => expect(await olga.texts()).toEqual(["something nice"]));
    await eventually(async () => expect(await grace.texts()).toEqual(["something nice"]));
    expect([grace.wrongs, olga.wrongs]).toEqual([[], []]);
    await Promise.all([grace.close(), olga.close()]);
  }, 60_000);

  test("charts of what happens, and the log of all that was done", async () => {
    await admin.page.getByRole("link", { name: "Live" }).click();
    const chart = admin.page.locator(".chart").filter({ hasText: "People online" });
    await eventually(async () => expect(await chart.locator("output").textContent()).toMatch(/^\d/));
    await eventually(async () => expect(await chart.locator("polyline").count()).toBe(1));
    if (SHOTS) await Bun.sleep(20_000);
    await shoot(admin, "live");
    await admin.page.getByRole("link", { name: "Log" }).click();
    await eventually(async () =>
      expect((await admin.page.locator(".table li p").allTextContents()).map((text) => text.trim())).toEqual([
        "Ada removed a message by Grace",
        "bob used a password link of bob",
        "Ada made a password link for bob",
        "Ada enabled bob",
        "Ada disabled bob",
        "The operator made an administrator of Ada",
      ]),
    );
    await shoot(admin, "log");
    expect(admin.wrongs).toEqual([]);
  }, 60_000);
});

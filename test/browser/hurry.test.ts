/** Administration by somebody quick, on slow answers, by keys alone, and against people who send what is hard to show. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { call, PASSWORD, Person } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

describe.skipIf(!haveChromium)("an admin in a hurry", () => {
  let rig: Rig;
  let browser: Browser;
  let ada: Person;
  let olga: Person;
  let bob: Person;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
    const people = ["Ada", "Olga", "bob"].map((name) => Person.signUp(rig.url(), name));
    [ada, olga, bob] = (await Promise.all(people)) as [Person, Person, Person];
    for (const name of ["Ada", "Olga"]) await runProgram(["create-admin", name], rig.env);
    // Newest first: person1, person2 and so on, before everyone who signed up.
    await rig.sql(`INSERT INTO users (id, username, folded, skeleton, ascii, password, created_at, disabled_at)
      SELECT gen_random_uuid(), name, name, name, true, 'x', now() + interval '1 hour' - n * interval '1 second', CASE WHEN n > 21 THEN now() END
      FROM (SELECT n, 'person' || n AS name FROM generate_series(1, 45) n) people`);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  async function enter(hand: Hand, name: string): Promise<void> {
    await hand.page.locator("#username").fill(name);
    await hand.page.locator("#password").fill(PASSWORD);
    await hand.page.keyboard.press("Enter");
    await hand.page.locator(".table li").first().waitFor();
  }
  async function sit(options: BrowserContextOptions = {}): Promise<Hand> {
    const hand = await sitDown(browser, rig.url(), options);
    hand.page.setDefaultTimeout(8_000);
    await hand.page.goto(`${rig.url()}/admin/`);
    await enter(hand, "Ada");
    return hand;
  }
  const names = ({ page }: Hand) => page.locator(".table h3 .name").allTextContents();
  const button = ({ page }: Hand, name: string | RegExp) => page.getByRole("button", { name, exact: true });
  const focused = ({ page }: Hand) =>
    page.evaluate(() => document.activeElement!.getAttribute("aria-label") ?? document.activeElement!.id);
  const dialogs = ({ page }: Hand) => page.getByRole("dialog").count();
  async function confirm(hand: Hand): Promise<void> {
    await hand.page.getByLabel("Your password").fill(PASSWORD);
    await hand.page.keyboard.press("Enter");
    await eventually(async () => expect(await dialogs(hand)).toBe(0));
  }

  test("More, pressed again while it is slow, brings one page; who signs up meanwhile makes nobody stand there twice", async () => {
    const hand = await sit();
    await rig.sql(`INSERT INTO users (id, username, folded, skeleton, ascii, password, created_at)
      VALUES (gen_random_uuid(), 'late', 'late', 'late', true, 'x', now() + interval '2 hours')`);
    let asked = 0;
    const pressed = Promise.withResolvers<void>();
    await hand.page.route("**/api/admin/users/?page=2*", async (route) => {
      asked++;
      await pressed.promise;
      await route.continue();
    });
    for (let i = 0; i < 3; i++) await button(hand, "More").click();
    pressed.resolve();
    const wanted = Array.from({ length: 39 }, (_, i) => `person${i + 1}`);
    await eventually(async () => expect(await names(hand)).toEqual(wanted));
    expect(asked).toBe(1);
    // The focus is where one goes on.
    await hand.page.keyboard.press("Enter");
    await eventually(async () => expect(await focused(hand)).toBe("Enable: person40"));
    await rig.sql("DELETE FROM users WHERE username = 'late'");
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 60_000);

  test("whoever is enabled among the disabled takes nobody out of the pages to come", async () => {
    const hand = await sit();
    await hand.page.getByLabel("Show").selectOption("disabled");
    await eventually(async () => expect((await names(hand)).length).toBe(20));
    await button(hand, "More").waitFor();
    for (const n of [22, 23]) {
      await button(hand, `Enable: person${n}`).click();
      await confirm(hand);
      expect(await names(hand)).toEqual(Array.from({ length: 20 }, (_, i) => `person${i + n + 1}`));
      expect(await focused(hand)).toBe(`Enable: person${n + 1}`);
    }
    await button(hand, "More").click();
    await eventually(async () =>
      expect(await names(hand)).toEqual(Array.from({ length: 22 }, (_, i) => `person${i + 24}`)),
    );
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 60_000);

  test("a list that did not come can be asked for again", async () => {
    const hand = await sit();
    await hand.page.route("**/api/admin/log/*", (route) => route.abort());
    await hand.page.getByRole("link", { name: "Log" }).click();
    await button(hand, "Try again").waitFor();
    await hand.page.unroute("**/api/admin/log/*");
    await button(hand, "Try again").click();
    await hand.page.locator(".table li").first().waitFor();
    expect([await button(hand, "Try again").count(), hand.wrongs]).toEqual([0, []]);
    await hand.close();
  }, 60_000);

  test("keys pressed at once go into the question; Escape while an act is under way loses no link and breaks nothing", async () => {
    const hand = await sit();
    const first = await hand.page.evaluate(() => {
      const button = document.querySelector<HTMLElement>("[aria-label='Reset password: person5']")!;
      button.focus();
      button.click();
      return new Promise((later) => setTimeout(() => later(document.activeElement!.id)));
    });
    expect(first).toBe("password");
    await hand.page.route("**/api/admin/users/*/", async (route) => {
      await Bun.sleep(600);
      await route.continue();
    });
    const hurry = async () => {
      await hand.page.getByLabel("Your password").fill(PASSWORD);
      for (const key of ["Enter", "Escape", "Escape", "Escape"]) await hand.page.keyboard.press(key);
    };
    await hurry();
    expect(await hand.page.getByLabel("Link", { exact: true }).inputValue()).toContain("/reset#");
    expect(await focused(hand)).toBe("Link");
    await hand.page.keyboard.press("Escape");
    await eventually(async () => expect(await focused(hand)).toBe("Reset password: person5"));
    await button(hand, "Disable: person6").click();
    await hurry();
    await button(hand, "Enable: person6").waitFor();
    await eventually(async () => expect(await dialogs(hand)).toBe(0));
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 60_000);

  test("a question goes with the session of who was asked", async () => {
    const hand = await sit();
    await button(hand, "Disable: person7").click();
    await olga.post(`/api/admin/users/${ada.id}/`, { act: "end_sessions", password: PASSWORD });
    await hand.page.getByLabel("Your password").fill(PASSWORD);
    await hand.page.keyboard.press("Enter");
    await enter(hand, "Olga");
    expect([await dialogs(hand), hand.wrongs]).toEqual([0, []]);
    await hand.close();
  }, 60_000);

  test("by keys alone the focus is never lost: in a room, after a message is gone, after a button became another", async () => {
    const hand = await sit();
    for (const text of ["one", "two", "three"]) await bob.post("/api/chat/global/messages/", { content: text });
    const press = async (name: string) => {
      await button(hand, name).focus();
      await hand.page.keyboard.press("Enter");
    };
    await press("Disable: person8");
    await confirm(hand);
    await eventually(async () => expect(await focused(hand)).toBe("Enable: person8"));
    await hand.page.getByRole("link", { name: "Rooms" }).press("Enter");
    await press("Messages: Everyone");
    await eventually(async () => expect(await focused(hand)).toBe("Find in this room"));
    for (const [gone, next] of [
      ["two", "Remove: one"],
      ["one", "Find in this room"],
    ] as const) {
      await press(`Remove: ${gone}`);
      await confirm(hand);
      await eventually(async () => expect(await focused(hand)).toBe(next));
    }
    await press("Rooms");
    await eventually(async () => expect(await focused(hand)).toBe("Find a room by who is in it"));
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 60_000);

  for (const [device, options] of Object.entries({
    "a wide screen": { viewport: { width: 1120, height: 760 } },
    "a phone": { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true },
  }))
    test(`no address and no message makes a list unusable, on ${device}`, async () => {
      const username = `mallory${options.viewport.width}`;
      const email = `${"m".repeat(64)}@${`${"mallory".repeat(8)}.`.repeat(3)}${options.viewport.width}.example`;
      const fields = { username, email, password: PASSWORD, password_confirm: PASSWORD };
      expect((await call(rig.url(), "POST", "/api/auth/signup/", { body: fields })).status).toBe(201);
      const mallory = await Person.signUp(rig.url());
      for (const content of [`a${"\n".repeat(1_900)}b`, "Z\u0301\u0322\u0330\u034a".repeat(300)])
        await mallory.post("/api/chat/global/messages/", { content });
      const hand = await sit(options);
      const beyond = () =>
        hand.page.evaluate(() => {
          const main = document.querySelector("main")!;
          return main.scrollWidth - main.clientWidth;
        });
      await hand.page.getByLabel("Find a person").fill(username);
      await eventually(async () => expect(await names(hand)).toEqual([username]));
      expect(await beyond()).toBe(0);
      await hand.page.getByRole("link", { name: "Rooms" }).click();
      await button(hand, "Messages: Everyone").click();
      await hand.page.locator(".said").first().waitFor();
      const rows = await hand.page.locator(".table li").all();
      for (const row of rows) expect((await row.boundingBox())!.height).toBeLessThan(400);
      expect(rows.length).toBeGreaterThan(1);
      expect(await beyond()).toBe(0);
      expect(hand.wrongs).toEqual([]);
      await hand.close();
    }, 60_000);

  test("the card speaks English like all of it, times are read as they are written, and with colours of the system's own one sees where one is", async () => {
    const hand = await sitDown(browser, rig.url(), { locale: "ar", colorScheme: "dark", forcedColors: "active" });
    await hand.page.goto(`${rig.url()}/admin/`);
    await hand.page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(await hand.page.getByRole("combobox").count()).toBe(0);
    await enter(hand, "Ada");
    const time = hand.page.locator(".table time").first();
    expect(await time.evaluate((element) => getComputedStyle(element).direction)).toBe("rtl");
    const isMarked = await hand.page.locator(".admin nav a").evaluateAll((links) => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.background = "Highlight";
      const groundOf = (element: Element) => getComputedStyle(element).backgroundColor;
      return links.map((link) => groundOf(link) === groundOf(probe));
    });
    expect(isMarked).toEqual([true, false, false, false]);
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 60_000);
});

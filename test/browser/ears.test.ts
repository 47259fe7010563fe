/** What a screen reader is told: by the live regions' changes, and by Chromium's own accessibility tree. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Person } from "../support/client.ts";
import { embeddedRig, type Rig, startServer } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { type Hand, sitDown } from "./hand.ts";

type Told = { at: number; live: string; lines: string[] };

/** Notes whatever is put into a live region, from now on. */
async function listen({ page }: Hand): Promise<void> {
  await page.evaluate(`{
    window.told = [];
    new MutationObserver((changes) => {
      const regions = new Map();
      for (const { target, addedNodes } of changes) {
        const region = (target.nodeType === 1 ? target : target.parentElement)?.closest("[aria-live], [role=status], [role=alert]");
        if (region && addedNodes.length) regions.set(region, [...(regions.get(region) ?? []), ...addedNodes]);
      }
      for (const [region, nodes] of regions)
        window.told.push({ at: performance.now(), live: region.ariaLive ?? region.role, lines: nodes.map((node) => node.textContent) });
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  }`);
}
const told = ({ page }: Hand) => page.evaluate("window.told") as Promise<Told[]>;

/** How many messages an announcement stands for. */
const counted = ({ lines }: Told) => Number(/: (\d+) new messages\. The last:$/.exec(lines[0]!)?.[1] ?? lines.length);

describe.skipIf(!haveChromium)("a screen reader", () => {
  let rig: Rig;
  let browser: Browser;
  let people: Person[];
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
    people = await Promise.all(Array.from({ length: 10 }, (_, i) => Person.signUp(rig.url(), `Speaker${i}`)));
  }, 60_000);
  afterAll(async () => {
    await Promise.all(people.map((person) => person.closeAll()));
    await Promise.all([rig?.stop(), browser?.close()]);
  });

  for (const rate of [1, 10, 100])
    test(`is told of ${rate} messages a second, author first, all of them, the last one in full, and no faster than it can speak`, async () => {
      const hand = await sitDown(browser, rig.url());
      await hand.signUp(`Listener${rate}`);
      const sockets = await Promise.all(people.map((person) => person.chat()));
      await listen(hand);
      const SECONDS = 6;
      const started = performance.now();
      const sent: Promise<unknown>[] = [];
      for (let i = 0; i < SECONDS * rate; i++) {
        await Bun.sleep(Math.max(0, started + (i * 1_000) / rate - performance.now()));
        sent.push(sockets[i % 10]!.post("global", `${rate} a second, number ${i}`));
      }
      await Promise.all(sent);
      const last = `${rate} a second, number ${SECONDS * rate - 1}`;
      // At 100 a second the last few may be stored in another order than they were sent in.
      const latest = new RegExp(rate < 100 ? `^Speaker\\d: ${last}$` : `^Speaker\\d: 100 a second, number 5\\d\\d$`);
      await eventually(async () => {
        const all = await told(hand);
        expect(all.reduce((sum, one) => sum + counted(one), 0)).toBe(SECONDS * rate);
        expect(all.at(-1)!.lines.at(-1)).toMatch(latest);
      }, 20_000);
      const all = await told(hand);
      for (const { live, lines } of all) {
        expect([live, lines.length <= 3]).toEqual(["polite", true]);
        for (const line of lines) expect(line).toMatch(/^Speaker\d[^:]*: /);
      }
      const gaps = all.slice(1).map(({ at }, i) => at - all[i]!.at);
      for (const gap of gaps) expect(gap).toBeGreaterThan(1_400);

      // Chromium's own tree has it: a polite region whose words are the last ones.
      const session = await hand.page.context().newCDPSession(hand.page);
      const { nodes } = await session.send("Accessibility.getFullAXTree");
      const region = nodes.filter(({ properties }) => properties?.some(({ name, value }) => name === "live" && value.value === "polite")); // prettier-ignore
      expect(region.length).toBeGreaterThan(0);
      const words = new Set(nodes.filter(({ role }) => role?.value === "StaticText").map(({ name }) => name?.value));
      expect(words).toContain(all.at(-1)!.lines.at(-1));
      expect(hand.wrongs).toEqual([]);
      await hand.close();
    }, 60_000);

  test("is told of the same words twice when they were said twice, of what is said in private elsewhere, and not of what one says oneself", async () => {
    const hand = await sitDown(browser, rig.url());
    await hand.signUp("Echo");
    const [speaker] = people;
    const { body } = await speaker!.get("/api/auth/users/?search=echo");
    const { body: made } = await speaker!.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    const socket = await speaker!.chat();
    await listen(hand);
    for (let i = 1; i <= 2; i++) {
      await socket.post("global", "again");
      await eventually(async () => expect((await told(hand)).length).toBe(i));
    }
    await hand.say("my own");
    await socket.post(made.conversation.id, "psst");
    await eventually(async () => expect((await told(hand)).length).toBe(3));
    expect((await told(hand)).flatMap(({ lines }) => lines)).toEqual([
      "Speaker0: again",
      "Speaker0: again",
      "Speaker0, in another conversation: psst",
    ]);
    await hand.close();
  }, 60_000);

  test("is told once of a refused message, once of a server that is away, and once that it is back", async () => {
    const hand = await sitDown(browser, rig.url());
    await hand.signUp("Patience");
    await listen(hand);
    await hand.page.getByRole("textbox", { name: "Message", exact: true }).fill("too long. ".repeat(400));
    await hand.page.keyboard.press("Enter");
    await eventually(async () => expect((await told(hand)).length).toBe(1));
    const [refused] = await told(hand);
    expect([refused!.live, refused!.lines.length, ...refused!.lines]).toEqual(["alert", 1, expect.any(String)]);
    expect(refused!.lines[0]).toMatch(
      /^Not sent: too long\. .{100,200}… The message is too long\. Send it in parts\.$/,
    );

    await rig.servers[0]!.kill("SIGKILL");
    await eventually(async () => expect((await told(hand)).length).toBe(2));
    // Longer than some tries to come back.
    await Bun.sleep(4_000);
    rig.servers[0] = await startServer(rig.env);
    await eventually(async () => expect((await told(hand)).length).toBe(3), 30_000);
    await Bun.sleep(3_000);
    expect((await told(hand)).slice(1).map(({ live, lines }) => [live, ...lines])).toEqual([
      ["polite", "Disconnected, reconnecting. What you write is sent later."],
      ["polite", "Connected again."],
    ]);
    await hand.close();
  }, 60_000);

  test("finds landmarks, headings, lists, a language, and badges and states in words", async () => {
    const hand = await sitDown(browser, rig.url());
    await hand.signUp("Structura");
    const socket = await people[1]!.chat();
    const { body } = await people[1]!.get("/api/auth/users/?search=structura");
    const { body: made } = await people[1]!.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    await socket.post(made.conversation.id, "one");
    await socket.post(made.conversation.id, "two");
    await hand.say("hello");
    await hand.page.locator('.mine[data-state="sent"]').waitFor();
    const navigation = hand.page.getByRole("navigation", { name: "Rooms" });
    await navigation.getByRole("button", { name: /^Speaker1 \(online\) .* two 2 unread$/ }).waitFor();
    const main = hand.page.getByRole("main");
    expect(await hand.page.evaluate("document.documentElement.lang")).toBe("en-US");
    expect(await main.getByRole("heading", { level: 1 }).allTextContents()).toEqual(["Everyone"]);
    expect(await navigation.getByRole("list").count()).toBe(1);
    expect(await main.getByRole("region", { name: "Messages" }).getByRole("list").count()).toBe(1);
    expect(await main.getByRole("listitem").filter({ hasText: "hello" }).last().ariaSnapshot()).toMatch(
      /You: hello.* Sent/s,
    );
    expect(await navigation.getByRole("search").count()).toBe(1);
    await hand.close();
  }, 60_000);
});

/** The page, in a real Chromium, by hands that type and click. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Person } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import { embeddedRig, type Rig, startServer } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { sitDown } from "./hand.ts";
import { PAYLOADS } from "./payloads.ts";

describe.skipIf(!haveChromium)("the page", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("two people sign up by typing, see each other online, talk to everyone and in private: typing, unread, read", async () => {
    const [ada, grace] = await Promise.all([sitDown(browser, rig.url()), sitDown(browser, rig.url())]);
    await ada.signUp("Ada");
    await grace.signUp("Grace");
    await ada.say("hello, world");
    await grace.page.getByText("hello, world").last().waitFor();
    await grace.say("hello, Ada");
    await eventually(async () => expect(await ada.texts()).toEqual(["hello, world", "hello, Ada"]));
    expect(await ada.mine("hello, world").getAttribute("data-state")).toBe("sent");

    await ada.find("grac");
    await ada.page.getByRole("heading", { name: "Grace" }).waitFor();
    await ada.page.getByRole("main").getByText("Online", { exact: true }).waitFor();
    await ada.say("only for you");
    await grace.page.getByRole("button", { name: /^Ada \(online\).*only for you.*1 unread/s }).waitFor();
    await eventually(async () => expect(await grace.page.title()).toBe("(1) LiquidChat"));
    // In a room that is not looked at nothing counts as read.
    await Bun.sleep(300);
    expect(await ada.mine("only for you").getAttribute("data-state")).toBe("sent");

    await grace.openRoom(/^Ada/);
    await ada.page.locator('.mine[data-state="read"]', { hasText: "only for you" }).waitFor();
    expect(await grace.page.locator(".badge").count()).toBe(0);
    await eventually(async () => expect(await grace.page.title()).toBe("LiquidChat"));
    await grace.page.keyboard.type("an ans");
    await ada.page.getByText("Grace is typing").waitFor();
    await grace.page.keyboard.press("Shift+Enter");
    await grace.page.keyboard.type("wer");
    await grace.page.keyboard.press("Enter");
    await eventually(async () => expect(await ada.texts()).toEqual(["only for you", "an ans\nwer"]));
    await eventually(async () => expect(await ada.page.getByText("Grace is typing").count()).toBe(0));

    await grace.close();
    await ada.page.getByRole("main").getByText("Offline").waitFor();
    await ada.openRoom(/^Everyone/);
    await eventually(async () => expect(await ada.texts()).toEqual(["hello, world", "hello, Ada"]));
    expect([ada.wrongs, grace.wrongs]).toEqual([[], []]);
    await ada.close();
  }, 60_000);

  test("a one-time link sets a new password; the token leaves the address bar with it", async () => {
    const alice = await Person.signUp(rig.url());
    const { out } = await runProgram(["reset-password", alice.name], rig.env);
    const hand = await sitDown(browser, rig.url());
    await hand.page.goto(rig.url() + /\/reset#\S+/.exec(out)![0]);
    await hand.page.locator("#password").fill("12345678");
    await hand.page.keyboard.press("Enter");
    await hand.page.locator(".hint.wrong").waitFor();
    await hand.page.locator("#password").fill("teal-comet-9021");
    await hand.page.keyboard.press("Enter");
    await hand.page.getByRole("heading", { name: "That is done" }).waitFor();
    expect(hand.page.url()).toBe(`${rig.url()}/reset`);
    await hand.page.getByRole("link", { name: "Log in" }).click();
    await hand.page.getByLabel("Name").fill(alice.name);
    await hand.page.getByLabel("Password", { exact: true }).fill("teal-comet-9021");
    await hand.page.keyboard.press("Enter");
    await hand.page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
    await hand.page.goto(rig.url() + /\/reset#\S+/.exec(out)![0]);
    await hand.page.locator("#password").fill("teal-comet-9022");
    await hand.page.keyboard.press("Enter");
    await hand.page.getByText("This link was used already").waitFor();
    expect(hand.wrongs).toEqual([]);
    await hand.close();
  }, 60_000);

  test("a server that is killed in the middle and comes back costs nothing and doubles nothing", async () => {
    const [edith, olga] = await Promise.all([sitDown(browser, rig.url()), sitDown(browser, rig.url())]);
    await edith.signUp("Edith");
    await olga.signUp("Olga");
    await edith.find("olga");
    await edith.page.getByRole("heading", { name: "Olga" }).waitFor();
    await edith.say("before");
    await olga.openRoom(/^Edith/);
    await eventually(async () => expect(await olga.texts()).toEqual(["before"]));

    await rig.servers[0]!.kill("SIGKILL");
    await edith.page.getByText("Reconnecting…").waitFor();
    for (const text of ["one", "two", "three"]) await edith.say(text);
    await olga.say("and you?");
    expect(await edith.texts()).toEqual(["before", "one", "two", "three"]);
    expect(await edith.mine("three").getAttribute("data-state")).toBe("queued");
    rig.servers[0] = await startServer(rig.env);

    await eventually(async () => expect((await olga.texts()).length).toBe(5), 30_000);
    await eventually(async () => expect(await edith.texts()).toEqual(await olga.texts()), 30_000);
    const texts = await olga.texts();
    expect(texts.filter((text) => text !== "and you?")).toEqual(["before", "one", "two", "three"]);
    await eventually(async () => expect(await edith.page.getByText("Reconnecting…").count()).toBe(0));
    await edith.page.reload();
    await edith.openRoom(/^Olga/);
    await eventually(async () => expect(await edith.texts()).toEqual(texts));
    expect([edith.wrongs, olga.wrongs]).toEqual([[], []]);
    await Promise.all([edith.close(), olga.close()]);
  }, 60_000);

  test("what is wrong is said in the card, where it is wrong", async () => {
    const { name } = await Person.signUp(rig.url());
    const { page, wrongs, close } = await sitDown(browser, rig.url());
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByText("Your name here, please.").waitFor();
    await page.keyboard.type(name);
    await page.keyboard.press("Tab");
    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("do not go together").waitFor();
    const focused = "[document.activeElement.name, document.activeElement.value, document.activeElement.autocomplete]";
    expect(await page.evaluate(focused)).toEqual(["password", "not the password", "current-password"]);

    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByLabel("Password", { exact: true }).fill("password1");
    await page.keyboard.press("Enter");
    await page.locator("#username-hint.wrong, #password-hint.wrong").nth(1).waitFor();
    expect(await page.evaluate(focused)).toEqual(["username", name, "username"]);
    expect(await page.getByLabel("Password", { exact: true }).getAttribute("autocomplete")).toBe("new-password");
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("a reload goes on by the cookie, no token is where a script could find it, and who logged out stays so", async () => {
    const { page, signUp, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Rosalind");
    const kept = `new Promise((resolve) => {
      const open = indexedDB.open("liquidchat " + location.origin);
      open.onsuccess = () => {
        const all = open.result.transaction("values").objectStore("values").getAll();
        all.onsuccess = () => resolve(JSON.stringify([all.result, { ...localStorage }, document.cookie]));
      };
    })`;
    const inBrowser = (await page.evaluate(kept)) as string;
    expect(inBrowser).toContain("Rosalind");
    expect(inBrowser).not.toMatch(/eyJ|lc_refresh/);
    await page.reload();
    await page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect((await page.context().cookies()).map(({ name }) => name)).toEqual([]);
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("over plain HTTP on a name of the LAN it is the same page", async () => {
    const url = rig.url().replace("127.0.0.1", "chat.lan");
    const { page, signUp, say, mine, wrongs, close } = await sitDown(browser, url);
    expect(await page.evaluate("isSecureContext")).toBe(false);
    await signUp("Lise");
    await say("from the kitchen");
    await page.locator('.mine[data-state="sent"]', { hasText: "from the kitchen" }).waitFor();
    await page.reload();
    await mine("from the kitchen").waitFor();
    expect(wrongs.filter((wrong) => !wrong.includes("Cross-Origin-Opener-Policy header has been ignored"))).toEqual([]);
    await close();
  }, 60_000);

  test("a hundred attacks as messages are shown as what they are: text", async () => {
    const { page, signUp, texts, allTexts, openRoom, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Victoria");
    const mallory = await Person.signUp(rig.url(), "mallory");
    const { body } = await mallory.get("/api/auth/users/?search=victoria");
    const { body: made } = await mallory.post("/api/chat/conversations/create/", { user_id: body.results[0].id });
    const socket = await mallory.chat();
    const typed: string[] = [];
    // One that is nothing but markup is refused as empty.
    for (const text of PAYLOADS.map((payload) => `hi ${payload} bye`))
      if ((await socket.post(made.conversation.id, text)).type === "ack") typed.push(text);
    expect(typed.length).toBeGreaterThan(90);
    await openRoom(/^mallory/);
    await eventually(async () => expect((await texts()).length).toBeGreaterThan(10));
    const shown = await allTexts();
    const trimmed = (all: string[]) => all.map((text) => text.replaceAll("\r", "").trim());
    expect(trimmed(shown)).toEqual(trimmed([...new Set(typed)]));
    // No markup but our own, of links and code.
    expect(await page.locator(".words :not(a, bdi, code, span[hidden])").count()).toBe(0);
    expect(wrongs).toEqual([]);
    await mallory.closeAll();
    await close();
  }, 60_000);

  test("the first load is at most 60 kB of script and style, all of it ours, and is kept by its hash", async () => {
    const html = await (await fetch(rig.url())).text();
    const paths = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(paths.filter((path) => !/^\/[^/]/.test(path))).toEqual([]);
    for (const encoding of ["br", "gzip"]) {
      let bytes = 0;
      for (const path of paths) {
        // Not unpacked on the way.
        const answer = await fetch(rig.url() + path, {
          headers: { "Accept-Encoding": encoding },
          decompress: false,
        } as RequestInit);
        if (!/\.(js|css)\?v=/.test(path)) continue;
        expect([path, answer.headers.get("content-encoding"), answer.headers.get("vary")]).toEqual([path, encoding, "Accept-Encoding"]); // prettier-ignore
        expect(answer.headers.get("cache-control")).toContain("immutable");
        bytes += (await answer.arrayBuffer()).byteLength;
      }
      expect(bytes).toBeLessThan(60_000);
    }
    const stale = await fetch(`${rig.url()}/page.js?v=another`);
    expect(stale.headers.get("cache-control")).toBe("no-store");
    const policy = (await fetch(rig.url())).headers.get("content-security-policy")!;
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "trusted-types service-worker"])
      expect(policy).toContain(part);
    expect(policy).not.toMatch(/unsafe|trusted-types service-worker [^;]/);
  });
});

/** The page as a program that is installed: without a server, with another one, and where browsers give it nothing of that. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Person } from "../support/client.ts";
import { embeddedRig, type Rig, startServer } from "../support/server.ts";
import { eventually, tempDir } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { sitDown } from "./hand.ts";

const ROOT = join(import.meta.dir, "../..");
const CACHED = `caches.keys().then((names) => Promise.all(names.map(async (name) =>
  (await (await caches.open(name)).keys()).map(({ url }) => url.replace(location.origin, "")))))`;
const cached = (page: Page) => page.evaluate(CACHED) as Promise<string[][]>;
const versionOf = async (page: Page) => /v=(\w+)/.exec((await page.locator("script").getAttribute("src"))!)![1]!;
const working = (page: Page) => page.evaluate("navigator.serviceWorker.ready.then(() => {})");

describe.skipIf(!haveChromium)("the shell of the page", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("without a server the page opens all the same, keeps what is typed, and sends it once when there is one", async () => {
    const { page, signUp, say, mine, texts, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Ada");
    await say("before");
    await page.locator('.mine[data-state="sent"]', { hasText: "before" }).waitFor();
    await working(page);
    const version = await versionOf(page);
    const shell = ["/", "/icon-unread.svg", "/icon.svg", `/page.css?v=${version}`, `/page.js?v=${version}`];
    // Nothing of a person, whatever was asked for meanwhile.
    expect((await cached(page)).map((paths) => paths.toSorted())).toEqual([shell]);

    await rig.servers[0]!.kill("SIGKILL");
    await page.reload();
    await page.getByText("Reconnecting…").waitFor();
    await say("while away");
    expect(await mine("while away").getAttribute("data-state")).toBe("queued");
    await page.reload();
    await mine("while away").waitFor();
    rig.servers[0] = await startServer(rig.env);
    await page.locator('.mine[data-state="sent"]', { hasText: "while away" }).waitFor();
    await eventually(async () => expect(await texts()).toEqual(["before", "while away"]));
    expect((await cached(page)).flat().toSorted()).toEqual(shell);
    expect(wrongs).toEqual([]);
    await close();
  }, 60_000);

  test("who logs out is asked first where something is not sent, in whatever room and tab, and stays without a loss", async () => {
    const friend = await Person.signUp(rig.url(), "Hopper");
    const { page, signUp, find, say, openRoom, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Katherine");
    await find("hopper");
    await page.getByRole("heading", { name: "Hopper" }).waitFor();
    await say("heard");
    await page.locator('.mine[data-state="sent"]').waitFor();
    await working(page);
    await rig.servers[0]!.kill("SIGKILL");
    await page.getByText("Reconnecting…").waitFor();
    await say("to you alone");
    await openRoom(/^Everyone/);
    await page.reload();
    await page.getByRole("heading", { name: "Everyone" }).waitFor();

    const logOut = page.getByRole("button", { name: "Log out" });
    const question = page.locator(".account .failed");
    const focused = () => page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent");
    await logOut.click();
    await question.getByText("1 message is not sent yet. Log out and lose it?").waitFor();
    expect(await focused()).toBe("Stay");
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    expect(await focused()).toBe("Log out");
    const second = await page.context().newPage();
    await second.goto(rig.url());
    await second.getByRole("textbox", { name: "Message", exact: true }).fill("to everyone");
    await second.keyboard.press("Enter");
    await second.locator('.mine[data-state="queued"]').waitFor();
    await logOut.click();
    await question.getByText("2 messages are not sent yet. Log out and lose them?").waitFor();

    // Once there is nothing to lose, nobody is asked.
    rig.servers[0] = await startServer(rig.env);
    await question.waitFor({ state: "detached", timeout: 30_000 });
    await openRoom(/^Hopper.*to you alone/s);
    await page.locator('.mine[data-state="sent"]', { hasText: "to you alone" }).waitFor();
    await page.context().setOffline(true);
    await page.getByText("You are offline", { exact: true }).waitFor();
    await say("given up");
    await logOut.click();
    await question.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(wrongs).toEqual([]);
    await Promise.all([close(), friend.closeAll()]);
  }, 60_000);

  test("a reload without a server still says whom one writes to; who logs out leaves no name behind", async () => {
    const friend = await Person.signUp(rig.url(), "Meitner");
    const { page, signUp, find, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Annie");
    await find("meitner");
    await page.getByRole("heading", { name: "Meitner" }).waitFor();
    await working(page);
    await rig.servers[0]!.kill("SIGKILL");
    await page.reload();
    await page.getByText("Reconnecting…").waitFor();
    await page.getByRole("heading", { name: "Meitner", exact: true }).waitFor();
    expect(await page.locator(".room-head .avatar").textContent()).toBe("M");
    expect(await page.locator(".room-head .of-room").count()).toBe(0);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(await page.evaluate("JSON.stringify({ ...sessionStorage })")).toBe("{}");
    rig.servers[0] = await startServer(rig.env);
    expect(wrongs).toEqual([]);
    await Promise.all([close(), friend.closeAll()]);
  }, 60_000);

  test("a new version leaves open pages alone, is there after a reload, and the old one is kept no longer", async () => {
    const { page, signUp, say, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Grace");
    await working(page);
    const old = await versionOf(page);
    await rig.servers[0]!.kill();
    rig.servers[0] = await startServer(rig.env, [], [process.execPath, await anotherVersion()]);

    await say("from an old page");
    await page.locator('.mine[data-state="sent"]', { hasText: "from an old page" }).waitFor();
    const stale = await fetch(`${rig.url()}/page.js?v=${old}`);
    expect([stale.status, stale.headers.get("cache-control")]).toEqual([200, "no-store"]);
    await page.reload();
    const next = await versionOf(page);
    expect(next).not.toBe(old);
    await page.locator(".words", { hasText: "from an old page" }).waitFor();
    await eventually(async () => {
      const paths = (await cached(page)).flat();
      expect([paths.length, paths.join().includes(old)]).toEqual([5, false]);
    });
    expect((await cached(page)).flat()).toContain(`/page.js?v=${next}`);
    expect(wrongs).toEqual([]);
    await rig.servers[0]!.kill("SIGKILL");
    await page.reload();
    await page.locator("h1", { hasText: "Everyone" }).waitFor();
    expect(await versionOf(page)).toBe(next);
    await close();
    rig.servers[0] = await startServer(rig.env);
  }, 60_000);

  test("a server that does not answer the document in three seconds counts as away", async () => {
    const { page, signUp, close } = await sitDown(browser, rig.url());
    await signUp("Dorothy");
    await working(page);
    process.kill(rig.servers[0]!.pid, "SIGSTOP");
    try {
      const from = performance.now();
      await page.reload();
      await page.locator("h1", { hasText: "Everyone" }).waitFor();
      expect(performance.now() - from).toBeWithin(2_900, 8_000);
    } finally {
      process.kill(rig.servers[0]!.pid, "SIGCONT");
    }
    await close();
  }, 60_000);

  test("a browser finds nothing that keeps the page from being installed", async () => {
    const { page, close } = await sitDown(browser, rig.url());
    await working(page);
    const cdp = await page.context().newCDPSession(page);
    // Of a context that nothing is kept of it says so; that is no fault of the page.
    const { installabilityErrors } = await cdp.send("Page.getInstallabilityErrors");
    expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito")).toEqual([]);
    const { data, errors } = await cdp.send("Page.getAppManifest");
    expect(errors).toEqual([]);
    for (const { src, sizes, type } of JSON.parse(data!).icons) {
      const answer = await fetch(rig.url() + src);
      expect(answer.headers.get("content-type")).toStartWith(type);
      if (type !== "image/png") continue;
      const head = new DataView(await answer.arrayBuffer());
      expect(`${head.getUint32(16)}x${head.getUint32(20)}`).toBe(sizes);
    }
    await close();
  }, 60_000);

  test("the one Trusted Types policy names the worker, whatever it is asked for, and there can be no other", async () => {
    const { page, close } = await sitDown(browser, rig.url());
    await working(page);
    const refused = (name: string) =>
      page.evaluate(
        `try { trustedTypes.createPolicy("${name}", { createHTML: (html) => html }); false } catch { true }`,
      );
    // The first of that name was the page's own.
    expect([await refused("service-worker"), await refused("default"), await refused("any")]).toEqual([
      true,
      true,
      true,
    ]);
    const register = (url: string) =>
      page.evaluate(`navigator.serviceWorker.register("${url}").then(() => false, () => true)`);
    expect(await register("/page.js")).toBe(true);
    await close();
  }, 60_000);

  test("over plain HTTP on a name of the LAN nothing of that is there, and nothing is missed", async () => {
    const url = rig.url().replace("127.0.0.1", "chat.lan");
    const { page, signUp, say, wrongs, close } = await sitDown(browser, url);
    const none = `[isSecureContext, "serviceWorker" in navigator, "locks" in navigator, "randomUUID" in crypto, "caches" in window]`;
    expect(await page.evaluate(none)).toEqual([false, false, false, false, false]);
    await signUp("Lise");
    expect(await page.getByRole("button", { name: /^Notifications/ }).count()).toBe(0);
    const second = await page.context().newPage();
    await second.goto(url);
    await second.locator("h1", { hasText: "Everyone" }).waitFor();
    await say("from the kitchen");
    await second.locator(".words", { hasText: "from the kitchen" }).waitFor();
    await second.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(wrongs.filter((wrong) => !wrong.includes("Cross-Origin-Opener-Policy header has been ignored"))).toEqual([]);
    await close();
  }, 60_000);
});

/** The program as somebody deploys it after a change of its style. @returns its entry */
async function anotherVersion(): Promise<string> {
  const dir = await tempDir();
  for (const name of ["src", "drizzle", "package.json", "tsconfig.json"])
    await cp(join(ROOT, name), join(dir, name), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  const style = join(dir, "src/web/style/base.css");
  await Bun.write(style, `${await Bun.file(style).text()}\n.of-another-version { color: red }\n`);
  return join(dir, "src/main.ts");
}

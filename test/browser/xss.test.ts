/** Classic attacks on a page that puts what others wrote into `innerHTML`, through the real server, in a real browser. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { call, PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { haveChromium, openBrowser } from "./chromium.ts";
import { sitDown } from "./hand.ts";
import { PAYLOADS } from "./payloads.ts";

type Shown = Record<string, string[]>;

describe.skipIf(!haveChromium)("in a browser", () => {
  let rig: Rig;
  let browser: Browser;
  // The page comes from a server of its own, which sets no policy that would help it.
  const site = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(Bun.file(join(import.meta.dir, "first-page.html"))),
  });
  const url = `${site.url.origin}/`;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig({ ALLOWED_ORIGINS: site.url.origin }), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close(), site.stop(true)]));

  /** The page, and whatever happens that should not. */
  async function open(token = "") {
    const page = await browser.newPage();
    const happened = { requests: [] as string[], dialogs: [] as string[], moves: [] as string[] };
    await page.route("**", (route) => {
      const to = route.request().url();
      if (to === url || to.startsWith(`${rig.url()}/api/`)) return route.continue();
      happened.requests.push(to);
      // A page that went somewhere would forget what ran; "no content" leaves it where it is.
      return route.request().isNavigationRequest() ? route.fulfill({ status: 204 }) : route.abort();
    });
    page.on("dialog", (dialog) => {
      happened.dialogs.push(dialog.message());
      dialog.dismiss().catch(() => {}); // Its page may be gone.
    });
    page.on("popup", (popup) => {
      happened.moves.push(popup.url());
      void popup.close();
    });
    await page.goto(`${url}#server=${rig.url()}&token=${token}`);
    page.on("framenavigated", (frame) => {
      if (frame.url() !== "about:srcdoc" && frame.url() !== "about:blank") happened.moves.push(frame.url());
    });
    return { page, happened };
  }

  /** Puts texts wherever markup could be, points and clicks at what came of them, and gives it all a moment to happen. */
  async function handle(page: Page, texts: Iterable<string>) {
    for (const text of texts) await page.evaluate(`showEverywhere(${JSON.stringify(text)})`);
    await page.evaluate("touch()");
    for (const y of [100, 300, 500]) await page.mouse.click(200, y);
    await Bun.sleep(1_500);
  }

  const ran = (page: Page) => page.evaluate("window.ran") as Promise<string[]>;
  const shown = (page: Page) => page.evaluate("window.shown") as Promise<Shown>;

  test("the attacks are real: as they were typed, they run and call out", async () => {
    const { page, happened } = await open();
    for (const text of PAYLOADS) await page.evaluate(`show("history", ${JSON.stringify(text)})`);
    await handle(page, PAYLOADS);
    const whoRan = new Set([...(await ran(page)), ...happened.dialogs].map((said) => /1\d{3}/.exec(said)?.[0]));
    expect(PAYLOADS.length).toBeGreaterThanOrEqual(100);
    expect(whoRan.size).toBeGreaterThan(80);
    expect(new Set(happened.requests.filter((url) => url.includes("evil.example"))).size).toBeGreaterThan(5);
    expect((await shown(page)).stray!.length).toBeGreaterThan(80);
    await page.close();
  }, 120_000);

  test("as messages they come to nothing: live, in history and in previews, wherever the page puts them, whatever is clicked", async () => {
    const [alice, mallory, dots] = await Promise.all([
      Person.signUp(rig.url()),
      Person.signUp(rig.url(), "mallory"),
      Person.signUp(rig.url(), "@._-+"),
    ]);
    const { page, happened } = await open(alice.access);
    await eventually(async () => expect(await page.evaluate("window.open_sockets")).toBe(2));
    const conversation = await mallory.conversationWith(alice);
    const socket = await mallory.chat();

    const stored = { [conversation]: 0, global: 0 };
    const post = async (stream: string, text: string) => {
      const { type, code } = await socket.post(stream, text);
      if (type === "ack") stored[stream]!++;
      else expect([text, code]).toEqual([text, text.includes("\0") ? "invalid_field" : "empty"]);
      return type === "ack";
    };
    let previews = 0;
    // Alone, where nothing may be left of it; between words; and where a preview is cut.
    for (const text of PAYLOADS)
      for (const inPrivate of [text, `${"x".repeat(98)}${text}`]) {
        const [arrives] = await Promise.all([post(conversation, inPrivate), post("global", `hi ${inPrivate} bye`)]);
        if (!arrives) continue;
        previews++;
        await page.evaluate("showPreview()");
      }
    const noNul = PAYLOADS.filter((text) => !text.includes("\0")).length;
    expect([stored.global, stored[conversation]! > noNul]).toEqual([2 * noNul, true]);

    const typing = await dots.socket("private");
    typing.send({ type: "typing_start", conversation_id: await dots.conversationWith(alice) });

    const arrived = () => shown(page);
    await eventually(async () => expect((await arrived()).typing_indicator).toEqual(["@._-+ is typing..."]));
    await eventually(async () => expect((await arrived()).private_message!.length).toBe(stored[conversation]!));
    await eventually(async () => expect((await arrived()).global_message!.length).toBe(stored.global!));
    await page.evaluate(`showHistory("${conversation}")`);
    const { stray, ...all } = await arrived();
    const total = stored.global! + stored[conversation]!;
    expect([all.history!.length, all.last_message!.length]).toEqual([total, previews]);
    expect([all.sender!.length, new Set(all.sender)]).toEqual([total, new Set(["mallory"])]);
    expect(all.user_presence).toContain("@._-+ is online");

    await handle(page, new Set(Object.values(all).flat()));
    expect([await ran(page), stray]).toEqual([[], []]);
    expect(happened).toEqual({ requests: [], dialogs: [], moves: [] });
    expect(page.url()).toStartWith(`${url}#`);
    await Promise.all([mallory.closeAll(), dots.closeAll()]);
  }, 120_000);

  test("as usernames they are all refused", async () => {
    for (const username of PAYLOADS) {
      const { status, body } = await call(rig.url(), "POST", "/api/auth/signup/", {
        body: { username, password: PASSWORD, password_confirm: PASSWORD },
      });
      expect([username, status, body.errors[0].field, body.errors[0].code]).toEqual([
        username,
        400,
        "username",
        "invalid",
      ]);
    }
  }, 60_000);

  test("a text that turns its line around moves its neighbours, and does not where the page isolates it", async () => {
    const page = await browser.newPage();
    const neighbour = (tag: string, text: string) =>
      page.evaluate(
        `document.body.innerHTML = "<p><${tag}>" + ${JSON.stringify(text)}.padEnd(9, "x") + "</${tag}> at <i>12:30</i> by <i>alice</i></p>";
         [...document.querySelectorAll("i")].map((i) => Math.round(i.getBoundingClientRect().x))`,
      ) as Promise<number[]>;
    const [time, name] = await neighbour("span", "\u202e");
    expect(time).toBeGreaterThan(name!);
    const [isolated, next] = await neighbour("bdi", "\u202e");
    expect(isolated).toBeLessThan(next!);
    await page.close();
  });
});

/** Addresses and code that would run, call out or lead astray where a page makes links and code carelessly. */
const ASTRAY = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)//http://a.example",
  "java\tscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  'https://a.example/"onclick=alert(1)//',
  "https://a.example/'onmouseover='alert(1)",
  "https://a.example/?q=<img src=x onerror=alert(1)>",
  "https://a.example/`onclick=alert(1)`",
  "https://javascript:alert(1)@a.example",
  "https://a.example@evil.example/",
  "http://a.example\\@evil.example/",
  "https://a.example/\u202egpj.exe",
  "https://аpple.example/",
  "[click](javascript:alert(1)) https://a.example",
  "<a href=javascript:alert(1)>https://a.example</a>",
  "`<img src=x onerror=alert(1)>`",
  "`javascript:alert(1)`",
  "```<script>alert(1)</script>```",
  "```html\n<script src=//evil.example/x.js></script>\n```",
  "```\n</code></pre><svg onload=alert(1)>\n```",
  '```"onload=alert(1)\nx\n```',
];

describe.skipIf(!haveChromium)("our own page", () => {
  let rig: Rig;
  let browser: Browser;
  beforeAll(async () => {
    [rig, browser] = await Promise.all([embeddedRig(), openBrowser()]);
  }, 60_000);
  afterAll(() => Promise.all([rig?.stop(), browser?.close()]));

  test("makes links of web addresses only, which lead where they say, ask for nothing until they are clicked, and tell nobody whence", async () => {
    const { page, signUp, wrongs, close } = await sitDown(browser, rig.url());
    await signUp("Alice");
    const mallory = await Person.signUp(rig.url(), "mallory");
    const socket = await mallory.chat();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    for (const text of [...ASTRAY, "the end"]) await socket.post("global", `see ${text}`.replace("see ```", "```"));
    await page.locator(".words", { hasText: "the end" }).waitFor();
    const links = (await page.evaluate(
      `[...document.querySelectorAll(".words a")].map((a) => [a.href, a.textContent, a.target, a.rel, a.getAttributeNames().join()])`,
    )) as string[][];
    expect(links.length).toBeGreaterThan(6);
    for (const [href, text, ...rest] of links) {
      const { host, protocol, username } = new URL(href!);
      expect([href, /^https?:$/.test(protocol), username]).toEqual([href, true, ""]);
      expect([href, text!.split(/[/\\]/)[2], host]).toEqual([href, host, host]);
      expect(rest).toEqual(["_blank", "noopener noreferrer nofollow", "href,target,rel,dir"]);
    }
    expect(await page.locator(".words code").count()).toBeGreaterThan(4);
    expect(await page.locator(".words :not(a, bdi, code, span[hidden])").count()).toBe(0);
    // Everything is pointed at; what is no link is clicked, too.
    await page.evaluate(
      `for (const e of document.querySelectorAll(".words, .words *")) for (const kind of ["mouseover", "focus", ...(e.closest("a") ? [] : ["click"])]) e.dispatchEvent(new MouseEvent(kind, { bubbles: true }))`,
    );
    await Bun.sleep(300);
    expect([wrongs, asked.filter((to) => !to.startsWith(`${rig.url()}/`))]).toEqual([[], []]);
    // One click is one page of its own, which is not told where it came from.
    await page
      .context()
      .route("https://a.example/**", (route) => route.fulfill({ body: "there", contentType: "text/html" }));
    const [popup] = await Promise.all([page.waitForEvent("popup"), page.locator('.words a[href="https://a.example/"]').first().click()]); // prettier-ignore
    await popup.waitForLoadState();
    expect([popup.url(), await popup.evaluate("[window.opener, document.referrer]")]).toEqual(["https://a.example/", [null, ""]]); // prettier-ignore
    await mallory.closeAll();
    await close();
  }, 60_000);
});

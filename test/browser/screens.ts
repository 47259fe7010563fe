/** Every screen that the page has, reached by hand. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { Person } from "../support/client.ts";
import { eventually } from "../support/services.ts";
import { type Hand, sitDown } from "./hand.ts";

/** A stage for the screens: people who have talked, one of whom is somebody at the page. */
export type Stage = { url: string; browser: Browser; name: string; grace: Person; toGrace: string };

let stages = 0;

/** `name` is at the page, unsent and unread messages are about. */
export async function setStage(url: string, browser: Browser): Promise<Stage> {
  const turn = ++stages;
  const name = `Ada${turn}`;
  const [grace, linus, empty] = await Promise.all([
    Person.signUp(url, `Grace${turn}`),
    Person.signUp(url, `Linus${turn}`),
    Person.signUp(url, `Nobody${turn}`),
  ]);
  const ada = await Person.signUp(url, name);
  const toGrace = await grace.conversationWith(ada);
  const toLinus = await linus.conversationWith(ada);
  await empty.conversationWith(ada);
  const sockets = await Promise.all([grace.chat(), linus.chat(), ada.chat()]);
  const [ofGrace, ofLinus, ofAda] = sockets;
  for (const text of ["Good morning.", "Did you see what the light does on the lake?"])
    await ofGrace.post("global", text);
  await ofLinus.post(
    "global",
    "It is the same light everywhere. But the lake makes it worth looking at, I give you that.",
  );
  await ofAda.post("global", "Then bring the lake.");
  await ofGrace.post(toGrace, "Shall we walk there at noon?");
  await ofAda.post(toGrace, "Gladly. I bring tea.");
  await ofAda.post(toGrace, "And the good cups.");
  await ofLinus.post(toLinus, "Have you read it? https://example.org/a-long-address/that-goes-on?and=on");
  await ofLinus.post(toLinus, "Tell me what you think.");
  await Promise.all([ada.closeAll(), linus.closeAll()]);
  return { url, browser, name, grace, toGrace };
}

type Show = (hand: Hand, stage: Stage) => Promise<unknown>;

const enter: Show = async (hand, { name }) => {
  await hand.logIn(name);
  await hand.page.locator(".message").first().waitFor();
};

const converse: Show = async (hand, stage) => {
  await enter(hand, stage);
  await hand.openRoom(/^Grace/);
  await hand.page.getByRole("heading", { name: /^Grace/ }).waitFor();
  await hand.page.getByText("And the good cups.").last().waitFor();
};

const PHONE: BrowserContextOptions = { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true };

/** By name: how one gets there, from the card. */
export const SCREENS: Record<string, { options?: BrowserContextOptions; show: Show }> = {
  "log-in": { show: ({ page }) => page.getByRole("heading", { name: "Welcome back" }).waitFor() },
  "sign-up, with errors": {
    show: async ({ page }) => {
      await page.getByRole("button", { name: "Create an account" }).click();
      await page.getByLabel("Name").fill("a b");
      await page.getByLabel("Password", { exact: true }).fill("password1");
      await page.keyboard.press("Enter");
      await page.locator("#username-hint.wrong, #password-hint.wrong").nth(1).waitFor();
    },
  },
  "a new password": {
    show: async ({ page }, { url }) => {
      await page.goto(`${url}/reset#no-such-token`);
      await page.getByRole("heading", { name: "A new password" }).waitFor();
    },
  },
  room: { show: enter },
  conversation: {
    show: async (hand, stage) => {
      await converse(hand, stage);
      const socket = stage.grace.sockets[0]!;
      socket.send({ type: "typing_start", stream: stage.toGrace });
      await hand.page.getByText("is typing").waitFor();
    },
  },
  empty: {
    show: async (hand, stage) => {
      await enter(hand, stage);
      await hand.openRoom(/^Nobody/);
      await hand.page.getByText("A new conversation.").waitFor();
    },
  },
  search: {
    show: async (hand, stage) => {
      await enter(hand, stage);
      await hand.page.getByRole("combobox", { name: "Find people" }).click();
      await hand.page.keyboard.type("gra");
      await hand.page.getByRole("option").first().waitFor();
    },
  },
  shortcuts: {
    show: async (hand, stage) => {
      await enter(hand, stage);
      await hand.page.getByRole("button", { name: "Keyboard shortcuts" }).click();
      await hand.page.getByRole("dialog").waitFor();
    },
  },
  switcher: {
    show: async (hand, stage) => {
      await enter(hand, stage);
      await hand.page.keyboard.press("Control+k");
      await hand.page.getByRole("dialog").getByRole("option").nth(2).waitFor();
    },
  },
  offline: {
    show: async (hand, stage) => {
      await converse(hand, stage);
      await hand.page.context().setOffline(true);
      await hand.page.getByText("You are offline", { exact: true }).waitFor();
      await hand.say("Back in a moment.");
    },
  },
  "failed send": {
    show: async (hand, stage) => {
      await converse(hand, stage);
      await hand.page.getByRole("textbox", { name: "Message", exact: true }).fill("a word too many. ".repeat(200));
      await hand.page.keyboard.press("Enter");
      await hand.page.getByRole("button", { name: "Discard" }).waitFor();
    },
  },
  leaving: {
    show: async (hand, stage) => {
      await converse(hand, stage);
      await hand.page.context().setOffline(true);
      await hand.page.getByText("You are offline", { exact: true }).waitFor();
      await hand.say("Not without this.");
      await hand.page.getByRole("button", { name: "Log out" }).click();
      await hand.page.getByText("1 message is not sent yet.").waitFor();
    },
  },
  removing: {
    options: PHONE,
    show: async (hand, stage) => {
      await enter(hand, stage);
      await hand.mine("Then bring the lake.").locator(".bubble").tap();
      await hand.page.getByRole("button", { name: "Remove" }).tap();
      await hand.page.getByText("Remove it for everyone?").waitFor();
    },
  },
  "phone, the room": { options: PHONE, show: enter },
  "phone, the list": {
    options: PHONE,
    show: async (hand, stage) => {
      await enter(hand, stage);
      await hand.page.getByRole("button", { name: "Rooms" }).click();
      await eventually(async () => {
        const box = await hand.page.getByRole("navigation").boundingBox();
        if (box?.x !== 0) throw new Error("still sliding");
      });
    },
  },
};

type Look = { colorScheme: "light" | "dark"; contrast?: "more"; forcedColors?: "active" };

/** What people have set for their eyes. */
export const LOOKS: Record<string, Look> = {
  dark: { colorScheme: "dark" },
  light: { colorScheme: "light" },
  "high contrast, dark": { colorScheme: "dark", contrast: "more" },
  "high contrast, light": { colorScheme: "light", contrast: "more" },
  "forced colours": { colorScheme: "dark", forcedColors: "active" },
};

/** Shows a screen of a new hand, without motion, and in one look. */
export async function showScreen(stage: Stage, name: string, look: Look = LOOKS.dark!): Promise<Hand> {
  const { options, show } = SCREENS[name]!;
  const hand = await sitDown(stage.browser, stage.url, {
    viewport: { width: 1120, height: 720 },
    reducedMotion: "reduce",
    ...options,
    ...look,
  });
  hand.page.setDefaultTimeout(8_000);
  await show(hand, stage);
  return hand;
}

export async function wear(page: Page, look: Look): Promise<void> {
  await page.emulateMedia({ forcedColors: "none", contrast: "no-preference", ...look });
  // Colours move to one another, from the next frame on.
  await page.evaluate(`(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.all(document.getAnimations().map(({ finished }) => finished));
  })()`);
}

/** Somebody at the page: what their hands do, what their eyes see, and whatever happens that should not. */
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { PASSWORD } from "../support/client.ts";

export type Hand = {
  page: Page;
  /** Errors, dialogs, violations of the page's policy, and requests to anybody else. */
  wrongs: string[];
  signUp(name: string): Promise<void>;
  logIn(name: string): Promise<void>;
  say(text: string): Promise<void>;
  openRoom(name: string | RegExp): Promise<void>;
  /** Finds somebody by a part of their name and opens the conversation with Enter. */
  find(part: string): Promise<void>;
  /** The texts of the room that is looked at, from top to bottom. */
  texts(): Promise<string[]>;
  /** The line of one's own with that text. */
  mine(text: string): Locator;
  close(): Promise<void>;
};

export async function sitDown(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Hand> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on("pageerror", (error) => wrongs.push(error.message));
  page.on("dialog", (dialog) => {
    wrongs.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {}); // Its page may be gone.
  });
  page.on("popup", (popup) => wrongs.push(`popup: ${popup.url()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`)) wrongs.push(`request: ${request.url()}`);
  });
  page.on("console", (message) => {
    // That the server said no, is away, or has just closed a socket, is no mistake of the page.
    if (
      message.type() === "error" &&
      !/^(Failed to load resource|WebSocket (connection|is already in CLOSING))/.test(message.text())
    )
      wrongs.push(message.text());
  });
  await page.addInitScript(
    `addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective))`,
  );
  await page.goto(`${url}/`);

  const box = page.getByRole("textbox", { name: "Message", exact: true });
  async function enter(name: string): Promise<void> {
    await page.getByRole("textbox", { name: "Name" }).waitFor();
    await page.keyboard.type(name);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await box.waitFor();
  }
  return {
    page,
    wrongs,
    async signUp(name) {
      await page.getByRole("button", { name: "Create an account" }).click();
      await enter(name);
    },
    logIn: enter,
    async say(text) {
      await box.focus();
      await page.keyboard.type(text);
      await page.keyboard.press("Enter");
    },
    async openRoom(name) {
      await page.getByRole("navigation").getByRole("button", { name }).click();
    },
    async find(part) {
      await page.getByRole("combobox", { name: "Find people" }).click();
      await page.keyboard.type(part);
      await page.keyboard.press("Enter");
    },
    texts: () => page.locator(".words").allTextContents(),
    mine: (text) => page.locator(".message.mine").filter({ hasText: text }),
    close: () => context.close(),
  };
}

import { type Browser, chromium, type Page } from "playwright-core";
import { tempDir } from "../support/services.ts";

const CHROMIUM = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");

/** Whether the tests in a browser can run. Loud when not; with CI=true a failure instead. */
export const haveChromium = CHROMIUM !== null;
if (!haveChromium) {
  const sentence = "Tests in a browser need chromium (on Debian: apt-get install chromium).";
  if (process.env.CI) throw new Error(sentence);
  console.warn(`\n*** SKIPPED: ${sentence}\n`);
}

/** A browser that talks to nobody but who the page asks for, and takes any name that ends in `.lan` for this machine. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM!,
    // Its own profile is made by playwright; what chromium keeps elsewhere goes into a folder that is thrown away too.
    env: { ...process.env, HOME: await tempDir() } as Record<string, string>,
    args: [
      "--host-resolver-rules=MAP *.lan 127.0.0.1",
      ..."--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(" "), // prettier-ignore
    ],
  });
}

/**
 * From now on the page is hidden where another tab is in front of it, as it is for everybody. (Playwright has every page believe that it is looked at,
 * and no switch for that.)
 */
export async function letBeHidden(page: Page): Promise<void> {
  const { delegate } = (page as any)._connection.toImpl(page);
  await delegate._mainFrameSession._client.send("Emulation.setFocusEmulationEnabled", { enabled: false });
}

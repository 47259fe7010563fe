import { signal } from "@preact/signals";

const CHOICES = ["system", "light", "dark"] as const;
type Theme = (typeof CHOICES)[number];
const KEY = "theme";

export const theme = signal<Theme>("system");

/** What this device is to remember for whoever uses it. Where the browser keeps nothing for us, it lasts as long as the page. */
export function keepOnDevice(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {}
}

export function keptOnDevice(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function apply(next: Theme): void {
  theme.value = next;
  const root = document.documentElement;
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  // What the browser draws around the page is of its colour: the document says which for the system's choice.
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    meta.dataset.system ??= meta.content;
    meta.content = next === "system" ? meta.dataset.system : getComputedStyle(root).backgroundColor;
  }
}

export function chooseNext(): void {
  apply(CHOICES[(CHOICES.indexOf(theme.value) + 1) % CHOICES.length]!);
  keepOnDevice(KEY, theme.value);
}

const restore = () => apply(CHOICES.find((choice) => choice === keptOnDevice(KEY)) ?? "system");

/** As it was chosen here before, or is in another tab. */
export function restoreTheme(): void {
  restore();
  addEventListener("storage", ({ key }) => key === KEY && restore());
}

import { signal } from "@preact/signals";

const CHOICES = ["system", "light", "dark"] as const;
type Theme = (typeof CHOICES)[number];
const KEY = "theme";

export const theme = signal<Theme>("system");

function apply(next: Theme): void {
  theme.value = next;
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}

/** Where the browser keeps nothing for us, the choice lasts as long as the page. */
export function chooseNext(): void {
  apply(CHOICES[(CHOICES.indexOf(theme.value) + 1) % CHOICES.length]!);
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {}
}

export function restoreTheme(): void {
  try {
    apply(CHOICES.find((choice) => choice === localStorage.getItem(KEY)) ?? "system");
  } catch {}
}

import { ar } from "./ar.ts";
import { de } from "./de.ts";
import { en, type Words } from "./en.ts";
import type { Grammar } from "./grammar.ts";

/** By code, with each one's name for itself. A new language is a file beside these and a line here. */
export const LANGUAGES = {
  en: { own: "English", dir: "ltr", words: en },
  de: { own: "Deutsch", dir: "ltr", words: de },
  ar: { own: "العربية", dir: "rtl", words: ar },
} satisfies Record<string, { own: string; dir: "ltr" | "rtl"; words: (grammar: Grammar) => Words }>;

export type Language = keyof typeof LANGUAGES;

export const isLanguage = (code: string | null | undefined): code is Language =>
  !!code && Object.hasOwn(LANGUAGES, code);
const languageOf = (tag: string) => tag.toLowerCase().split("-")[0];

/**
 * The language of the page, and its locale: with the region that the browser gives it.
 *
 * @param tags what the browser's owner reads, best first (BCP 47)
 * @param chosen by hand; null: as the browser
 */
export function settle(tags: readonly string[], chosen: Language | null): { language: Language; locale: string } {
  const language = chosen ?? tags.map(languageOf).find(isLanguage) ?? "en";
  return { language, locale: tags.find((tag) => languageOf(tag) === language) ?? language };
}

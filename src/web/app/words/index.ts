import { computed, signal } from "@preact/signals";
import type { ChatError, FieldError } from "../../../client/index.ts";
import { keepOnDevice, keptOnDevice } from "../theme.ts";
import { grammarOf } from "./grammar.ts";
import { isLanguage, type Language, LANGUAGES, settle } from "./languages.ts";

const KEY = "language";
const offered = signal<readonly string[]>([]);
/** Null: as the browser. */
export const chosenLanguage = signal<Language | null>(null);
const settled = computed(() => settle(offered.value, chosenLanguage.value));
export const locale = computed(() => settled.value.locale);
/** All that the page says, in the language of whoever looks at it. */
export const words = computed(() => {
  const { language, locale } = settled.value;
  return LANGUAGES[language].words(grammarOf(language, locale));
});

/** What is wrong, in words of the page; a code that it has none for is told in the server's. */
export function sentenceOf({ code, detail }: Pick<ChatError, "code" | "detail">): string {
  return (words.value.errors as Partial<Record<string, string>>)[code] ?? detail;
}

export function fieldSentenceOf({ field, code, message }: FieldError): string {
  const { any, ...fields }: Record<string, Partial<Record<string, string>>> = words.value.fields;
  return fields[field]?.[code] ?? any![code] ?? message;
}

export function chooseLanguage(next: Language | null): void {
  chosenLanguage.value = next;
  keepOnDevice(KEY, next ?? "");
}

/** As it was chosen here before, or is in another tab. */
export function restoreLanguage(): void {
  const ask = () => (offered.value = navigator.languages);
  const restore = () => {
    const kept = keptOnDevice(KEY);
    chosenLanguage.value = isLanguage(kept) ? kept : null;
  };
  ask();
  restore();
  addEventListener("languagechange", ask);
  addEventListener("storage", ({ key }) => key === KEY && restore());
  settled.subscribe(({ language, locale }) => {
    document.documentElement.lang = locale;
    document.documentElement.dir = LANGUAGES[language].dir;
  });
}

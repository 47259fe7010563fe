import type { ComponentChildren } from "preact";

/** Something that is shown within a sentence: a name, the text of somebody else. */
export type Part = ComponentChildren;

export type Grammar = ReturnType<typeof grammarOf>;

/**
 * Numbers, plurals and lists as one language writes them.
 *
 * @param language whose words these are
 * @param locale the same with its region, as the browser has it: of two countries with one language each has its own digits
 */
export function grammarOf(language: string, locale: string = language) {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(locale);
  const lists = new Intl.ListFormat(language, { type: "conjunction" });
  const number = (n: number) => numbers.format(n);
  return {
    number,
    /** The form for n, with n in the place of #. */
    plural: (n: number, forms: { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>): string =>
      (forms[rules.select(n)] ?? forms.other).replace("#", number(n)),
    list: (parts: readonly string[]) => lists.format(parts),
  };
}

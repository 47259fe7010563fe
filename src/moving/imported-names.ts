import { formsOf, type Name } from "../auth/names.ts";

type Person = { id: string; username: string; isActive: boolean };

/**
 * What people of the first version are called here. Names that nobody could sign up with today (too long, reserved, look-alikes) are kept: their
 * owners log in with them. Changed are those that could do harm on an old page or cannot be seen, and one of two that are the same here.
 * Who needs no change keeps the name before who does, who is active before who is not, and then the older. `people`: the oldest first.
 */
export function importedNames(people: readonly Person[]): Map<string, Name> {
  const wanted = people.map((person) => ({ ...person, name: harmless(person.username) }));
  const cost = (one: (typeof wanted)[number]) => (one.name === one.username ? 0 : 2) + (one.isActive ? 0 : 1);
  const taken = new Set<string>();
  const names = new Map<string, Name>();
  for (const { id, name } of wanted.toSorted((a, b) => cost(a) - cost(b))) {
    let forms = formsOf(name);
    for (let n = 2; taken.has(forms.folded); n++) forms = formsOf(`${name}_${n}`);
    taken.add(forms.folded);
    names.set(id, forms);
  }
  return names;
}

/** The first version's page puts names into `innerHTML`. Blanks inside of a name can stay, where they are plain spaces. */
const HARMFUL = /[<>&"']|(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

function harmless(username: string): string {
  const name = username.toWellFormed().normalize("NFC").replace(HARMFUL, "_");
  // Spaces around a name are taken away at log-in too.
  return [...name].slice(0, 150).join("").trim() || "_";
}

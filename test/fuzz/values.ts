/** Texts and JSON that are odd in every way that we know of. All JSON is made as text: `1e400`, `-0` and a key that comes twice are no values. */
import fc from "fast-check";
import type { z } from "zod";

/** Things of the world have names in a case and get their ids when it is run, so that a case is the same one again with the same seed. */
const THINGS = ["own", "OWN", "foreign", "absent", "me", "friend", "stranger", "message", "foreignMessage", "globalMessage", "access", "refresh", "foreignAccess", "foreignRefresh", "publicRoom"] as const; // prettier-ignore
export type Thing = (typeof THINGS)[number];
export const thing = (...names: Thing[]) => fc.constantFrom(...names).map((name) => `«${name}»`);
export const named = (text: string, things: Record<Thing, string>) =>
  text.replace(/«(\w+)»/g, (all, name: string) => things[name as Thing] ?? all);

const PIECES = ["<", ">", "</", "<b ", "<script>", "</script>", "<SCRIPT x", "<style>", "</style>", "<!--", "-->", "<?", "&lt;", "&", '"', "'", "\\", "%", "_", "$1", "';--", "{", "\0", "\ud800", "\udfff", "\u202e", "\u2066", "\u200f", "\u200b", "\ufeff", "\ufffe", "\uffff", "\u2028", "\u0085", "\u00a0", "\u3000", "\r\n", "\t", " ", "\u0301".repeat(60), "👩‍👩‍👧‍👦", "🇩🇪", "\u{e0067}", "\u{10ffff}", "é", "e\u0301", "ß", "İ", "ﷺ", "中", "ا", "a", "1", "script", "/"]; // prettier-ignore
/** Little else than markup, so that pieces of it meet. */
const MARKUP = ["<", "<", "<<", ">", "<b>", "</b>", "<script>", "<SCRIPT ", "</script>", "</script ", "<style/", "</style\n", "<!", "<?", "a", "/", "!", " ", "script"]; // prettier-ignore
const ofPlane = (plane: number) =>
  fc.string({
    unit: fc.integer({ min: plane << 16, max: (plane << 16) + 0xffff }).map((n) => String.fromCodePoint(n)),
    maxLength: 12,
  });

export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom(...PIECES), maxLength: 24 }) },
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(...MARKUP), maxLength: 16 }) },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 2, arbitrary: fc.nat(16).chain(ofPlane) },
  { weight: 1, arbitrary: fc.array(fc.nat(0xffff), { maxLength: 12 }).map((units) => String.fromCharCode(...units)) },
  { weight: 1, arbitrary: fc.constantFrom("", " ", "\u00a0\u3000\ufeff", "x".repeat(2_000), "x".repeat(2_001), "😀".repeat(2_000), "😀".repeat(2_001), " ".repeat(3_000), "<b>".repeat(700), `${"<".repeat(2_000)}`, "<script>".repeat(250), "x".repeat(9_000)) }, // prettier-ignore
  { weight: 1, arbitrary: thing("own", "foreign", "absent", "me", "message", "publicRoom") },
);

const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

/** A JSON value of any kind, as text. */
export const anyJson: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("null", "true", "false", "0", "-0", "-1", "1.5", "1e400", "-1e400", "1e-400", "9007199254740993", "1e308", "2147483648", "9".repeat(400), '""', "[]", "{}", "[null]", '{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{}}}', '{"toString":1}', '"__proto__"', '"constructor"', '"toString"', "[[[]]]", deep("[", "]", 900), deep("[", "]", 20_000), `${'{"a":'.repeat(300)}1${"}".repeat(300)}`), // prettier-ignore
  text.map((value) => JSON.stringify(value)),
  fc
    .array(
      fc.oneof(
        fc.constant("1"),
        thing("own", "message", "foreignMessage").map((id) => JSON.stringify(id)),
      ),
      { maxLength: 5 },
    )
    .map((items) => `[${items}]`),
);

const id = fc.oneof(
  { weight: 6, arbitrary: thing("own") },
  { weight: 1, arbitrary: thing("OWN", "foreign", "absent", "me", "friend", "message", "publicRoom") },
  { weight: 1, arbitrary: fc.constant("global") },
);
/** What fits by the name of a field, where its schema says no more than that it is text. */
const BY_NAME: Record<string, fc.Arbitrary<string>> = {
  content: fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.lorem() }),
  stream: fc.oneof(id, fc.constant("global")),
  conversation_id: id,
  user_id: thing("friend", "stranger", "absent", "me"),
  message_ids: thing("message", "foreignMessage", "absent"),
  up_to: thing("message", "foreignMessage", "absent"),
  token: thing("access", "foreignAccess", "refresh"),
  refresh: thing("refresh", "foreignRefresh", "access"),
  since: fc.constantFrom("1:1:", "100:200:150", "0:0:", "999999999999999999:999999999999999999:", "700:900:701,702"),
  epoch: fc.constantFrom("0123456789abcdef", ""),
  // Few, so that some come again.
  client_id: fc.oneof(
    fc.nat(400).map((n) => `id-${n}`),
    fc.uuid(),
    text,
  ),
  email: fc.constantFrom("a@b.example", "", "x"),
  password: fc.constantFrom("plum-orbit-4418", "short", ""),
  password_confirm: fc.constantFrom("plum-orbit-4418", "short"),
};

type Def = {
  type: string;
  shape: Record<string, z.ZodType>;
  innerType: z.ZodType;
  options: z.ZodType[];
  element: z.ZodType;
  in: z.ZodType;
  out: z.ZodType;
};
/** A value that fits a schema (but for refinements), as JSON text; null where it is left out. */
function fitting(schema: z.ZodType, name = ""): fc.Arbitrary<string | null> {
  const def = schema.def as unknown as Def;
  if (def.type === "optional" || def.type === "default") return fc.option(fitting(def.innerType, name), { freq: 2 });
  if (def.type === "nullable") return fc.oneof(fitting(def.innerType, name), fc.constant("null"));
  if (def.type === "pipe") return fitting(def.in.def.type === "transform" ? def.out : def.in, name);
  if (def.type === "union") return fc.oneof(...def.options.map((option) => fitting(option, name)));
  if (def.type === "array") return fc.array(fitting(def.element, name), { maxLength: 5 }).map((items) => `[${items}]`);
  if (def.type === "number") return fc.oneof(fc.nat(2_000), fc.maxSafeInteger()).map(String);
  if (def.type === "string") return (BY_NAME[name] ?? text).map((value) => JSON.stringify(value));
  if (def.type === "object") return fields(schema).map(objectOf);
  return anyJson;
}

type Field = [key: string, value: string];
export const objectOf = (entries: Field[]) =>
  `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;

/** The fields of an object that fits. */
export function fields(schema: z.ZodType): fc.Arbitrary<Field[]> {
  const def = schema.def as unknown as Def;
  if (def.type === "pipe") return fields(def.in);
  const shape = Object.entries(def.shape ?? {});
  return fc.tuple(...shape.map(([key, type]) => fitting(type, key).map((value) => [key, value] as const)))
    .map((all) => all.filter((entry): entry is [string, string] => entry[1] !== null)); // prettier-ignore
}

const KEYS = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "prototype", "type", "client_id", "content", "id", "", "toString"),
  text,
);

/** An object that nearly fits: one or two things about it are wrong, or odd. */
export const nearly = (entries: fc.Arbitrary<Field[]>): fc.Arbitrary<string> =>
  fc
    .tuple(entries, fc.array(fc.tuple(fc.nat(8), fc.nat(7), KEYS, anyJson), { minLength: 1, maxLength: 2 }))
    .map(([all, changes]) => {
      let wrap = (json: string) => json;
      for (const [what, at, key, value] of changes) {
        const i = at % Math.max(1, all.length);
        if (what < 3 && all[i]) all = all.with(i, [all[i][0], value]);
      else if (what === 3) all = all.toSpliced(i, 1);
      else if (what === 4) all = [...all, [key, value]];
      else if (what === 5 && all[i]) all = [...all, [all[i][0], value]];
      else if (what === 6 && all[i]) all = all.with(i, [key, all[i][1]]);
      else if (what === 7 && all[i]) all = all.with(i, [all[i][0], `[${all[i][1]}]`]);
      else if (what === 8) wrap = [(json: string) => `[${json}]`, (json: string) => ` \n\t${json}\r\n`, (json: string) => json.slice(0, -1), (json: string) => `${json},`, (json: string) => `\ufeff${json}`, (json: string) => JSON.stringify(json), (json: string) => json.replaceAll(/[a-z]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`), (json: string) => `${json}${json}`][at % 8]!; // prettier-ignore
      }
      return wrap(objectOf(all));
    });

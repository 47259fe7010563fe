/** The handful of components that everything is made of. Their looks are in style/parts.css. */
import type { ButtonHTMLAttributes, ComponentChildren, PartialInputHTMLAttributes } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Strength } from "./strength.ts";
import { chooseLanguage, chosenLanguage, words } from "./words/index.ts";
import { type Language, LANGUAGES } from "./words/languages.ts";

const PATHS = {
  send: "M4 12 20 4l-5 16-3.5-6.5L4 12Zm7.5 1.5L20 4",
  bell: "M6 16.5V11a6 6 0 1 1 12 0v5.5l1.5 1.5h-15L6 16.5ZM10 20.5a2.2 2.2 0 0 0 4 0",
  "bell-off":
    "M6 16.5V11a6 6 0 0 1 1-3.4M9.5 5.5A6 6 0 0 1 18 11v3M17 18H4.5L6 16.5M10 20.5a2.2 2.2 0 0 0 4 0M4 4l16 16",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm5 11.5L20 20",
  menu: "M4 7h16M4 12h16M4 17h10",
  close: "m6 6 12 12M18 6 6 18",
  leave: "M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M10 12h10m-3.5-3.5L20 12l-3.5 3.5",
  down: "M12 5v14m-6-6 6 6 6-6",
  remove: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10 11v5m4-5v5",
  clock: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm0 3v4l2.5 2",
  sent: "m6 12.5 4 4 8-9",
  read: "m2.5 12.5 4 4 8-9m-2 8 1 1 8-9",
  failed: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 4v5m0 3v.01",
  light:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4m0-12.8L17 7M7 17l-1.4 1.4",
  dark: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z",
  system: "M4 5h16v11H4zm5 15h6m-3-4v4",
  shown: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6Zm9-2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z",
  hidden: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6ZM5 19 19 5",
  keys: "M3.5 7h17v10h-17zM7 10.5h.01M10.3 10.5h.01M13.7 10.5h.01M17 10.5h.01M8 14h8",
  language: "M5 6h9M9.5 4v2m3 0c-.8 4-3.5 7-7.5 8.5M7 9.5c1.2 2.2 3 4 5.5 5M12 20l4-9.5 4 9.5m-6.7-3h5.4",
  room: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm-8 8h16M12 4c5 5 5 11 0 16-5-5-5-11 0-16Z",
} as const;

export type IconName = keyof typeof PATHS;

/** Those that point somewhere do so from the other side where one reads from right to left. */
const POINTING: ReadonlySet<IconName> = new Set(["send", "menu", "leave"]);

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={POINTING.has(name) ? "icon points" : "icon"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function IconButton({
  icon,
  label,
  ...rest
}: { icon: IconName; label: string } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" {...rest} class={`icon-button ${rest.class ?? ""}`} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

/** A name as it was typed, which cannot turn its neighbours around. */
export function Name({ of }: { of: string }) {
  return <bdi class="name">{of}</bdi>;
}

/** The first letter of a name on a colour that is always the same for the same id. */
export function Avatar({ id, name, online }: { id: string; name: string; online?: boolean }) {
  // FNV-1a: ids begin alike.
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return (
    <span class={`avatar ${online ? "online" : ""}`} style={{ "--hue": `${hash % 360}` }} aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}

export function Badge({ count }: { count: number }) {
  if (!count) return null;
  return (
    <span class="badge">
      <span aria-hidden="true">{words.value.count(count, 99)}</span>
      <span class="for-ears">{words.value.rooms.unread(count)}</span>
    </span>
  );
}

/** A menu of the browser's own behind an icon: each language by its own name. */
export function LanguageChoice() {
  const w = words.value;
  return (
    <span class="icon-button language" title={w.language}>
      <Icon name="language" />
      <select
        aria-label={w.language}
        value={chosenLanguage.value ?? ""}
        onChange={(event) => chooseLanguage((event.currentTarget.value || null) as Language | null)}
      >
        <option value="">{w.asBrowser}</option>
        {Object.entries(LANGUAGES).map(([code, { own }]) => (
          <option key={code} value={code} lang={code}>
            {own}
          </option>
        ))}
      </select>
    </span>
  );
}

/** Below a field for a new password. */
export function StrengthOf({ strength: { score, verdict, missing } }: { strength: Strength }) {
  const w = words.value.strength;
  return (
    <>
      <span class={`strength of-${score}`} aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {verdict === "short" ? w.short(missing) : w[verdict]}
    </>
  );
}

type QuestionProps = {
  children: ComponentChildren;
  yes: string;
  no: string;
  onYes: () => void;
  onNo: () => void;
  /** The focus is on the no: a key that is held too long would be an answer. */
  grave?: boolean;
};

/** Asks once more, where it was asked for. Escape says no. */
export function Question({ children, yes, no, onYes, onNo, grave }: QuestionProps) {
  const box = useRef<HTMLParagraphElement>(null);
  const id = useId();
  // At once: Escape right after it is for this question.
  useLayoutEffect(() => {
    box.current?.scrollIntoView({ block: "nearest" });
    box.current?.querySelectorAll("button")[grave ? 1 : 0]?.focus();
  }, []);
  return (
    <p
      class="failed"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onNo();
      }}
    >
      <span id={id}>{children}</span>{" "}
      <button type="button" class="link" aria-describedby={id} onClick={onYes}>
        {yes}
      </button>{" "}
      <button type="button" class="link" aria-describedby={id} onClick={onNo}>
        {no}
      </button>
    </p>
  );
}

type FieldProps = {
  type: "text" | "password";
  label: string;
  name: string;
  error?: string | undefined;
  /** Beside the label. */
  hint?: ComponentChildren;
  /** At the end of the input. */
  action?: ComponentChildren;
} & PartialInputHTMLAttributes<HTMLInputElement>;

/** An input with its label above and what is wrong with it below. */
export function Field({ label, name, type, error, hint, action, ...rest }: FieldProps) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <div class="field-box">
        <input
          {...(rest as object)}
          type={type as "password"}
          id={name}
          name={name}
          aria-invalid={error ? "true" : "false"}
          aria-describedby={`${name}-hint`}
        />
        {action}
      </div>
      <div id={`${name}-hint`} class={error ? "hint wrong" : "hint"} aria-live="polite">
        {error ?? hint}
      </div>
    </div>
  );
}

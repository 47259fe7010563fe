import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon } from "../app/parts.tsx";
import { type Schema, typeOf } from "./documents.ts";

/** For calls and sockets of this page; kept as long as it is open, and nowhere else. */
export const token = signal("");

export function Fold({ id, title, children }: { id: string; title: ComponentChildren; children: ComponentChildren }) {
  return (
    <details class="fold" id={id}>
      <summary>
        {title}
        <span class="turn">
          <Icon name="down" />
        </span>
      </summary>
      <div class="inside">{children}</div>
    </details>
  );
}

export function Fields({ title, rows }: { title?: string; rows: [name: string, Schema, required: boolean][] }) {
  return (
    <>
      {title && <h4>{title}</h4>}
      <dl class="fields">
        {rows.map(([name, schema, required]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
              {!required && <span class="optional">optional</span>}
            </dt>
            <dd>
              <code class="type">{typeOf(schema)}</code>
              {schema.description && <Prose text={schema.description} />}
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** What stands between backticks is code. */
export function Prose({ text }: { text: string }) {
  return <span>{text.split("`").map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</span>;
}

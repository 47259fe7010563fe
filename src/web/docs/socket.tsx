import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Channel, fieldsOf, sampleOf } from "./documents.ts";
import { Fields, Fold, Prose, token } from "./pieces.tsx";

type Line = { from: "you" | "server" | "socket"; text: string };
const MAX_LINES = 200;

/** One socket: what is said on it, and a place to say it. */
export function Socket({ name, channel }: { name: string; channel: Channel }) {
  const messages = Object.entries(channel.messages);
  const of = (side: string) => messages.filter(([id]) => id.startsWith(`${side}.`)).map(([, message]) => message);
  return (
    <section class="glass" id={`socket-${name}`}>
      <h2>{channel.title}</h2>
      <p class="about">
        <code>{channel.address}</code> <Prose text={channel.description.split("\n")[0]!} />
      </p>
      {(["client", "server"] as const).map((side) => (
        <div key={side}>
          <h3>{side === "client" ? "You send" : "The server sends"}</h3>
          {of(side).map((message) => (
            <Fold
              key={message.name}
              id={`${name}-${side}-${message.name}`}
              title={
                <>
                  <code class="path">{message.name}</code>
                  <span class="summary">
                    <Prose text={message.summary} />
                  </span>
                </>
              }
            >
              <Fields rows={fieldsOf(message.payload, {})} />
            </Fold>
          ))}
        </div>
      ))}
      <h3>It closes with</h3>
      <ul class="answers closes">
        {Object.entries(channel["x-close-codes"]).map(([code, why]) => (
          <li key={code}>
            <span class={`status of-${Number(code) < 4500 ? "2" : "5"}`}>{code}</span>
            <Prose text={why} />
          </li>
        ))}
      </ul>
      <Console name={name} channel={channel} />
    </section>
  );
}

function Console({ name, channel }: { name: string; channel: Channel }) {
  const lines = useSignal<Line[]>([]);
  const open = useSignal(false);
  const frame = useSignal("");
  const socket = useRef<WebSocket | null>(null);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => () => socket.current?.close(), []);
  useEffect(() => list.current?.scrollTo(0, list.current.scrollHeight), [lines.value]);
  const add = (from: Line["from"], text: string) => (lines.value = [...lines.value, { from, text }].slice(-MAX_LINES));
  const samples = Object.entries(channel.messages).flatMap(([id, { name: type, payload }]) =>
    id.startsWith("client.") ? [{ type, text: JSON.stringify(sampleFrame(type, sampleOf(payload) as object)) }] : [],
  );

  function connect(): void {
    const url = new URL(channel.address, location.href.replace(/^http/, "ws"));
    // The first version's sockets take it in the URL; the one socket's protocol has a place for it.
    const ws =
      name === "chat"
        ? new WebSocket(url, ["liquidchat.v2", ...(token.value ? [`bearer.${token.value}`] : [])])
        : new WebSocket(`${url}?token=${encodeURIComponent(token.value)}`);
    socket.current = ws;
    add("socket", "connecting…");
    ws.addEventListener("open", () => {
      open.value = true;
      add("socket", "open");
    });
    ws.addEventListener("message", ({ data }) => add("server", String(data)));
    ws.addEventListener("close", ({ code, reason }) => {
      open.value = false;
      add("socket", `closed: ${[code, reason].filter(Boolean).join(", ")}`);
    });
  }

  function send(event: SubmitEvent): void {
    event.preventDefault();
    if (!open.value || !frame.value.trim()) return;
    socket.current!.send(frame.value);
    add("you", frame.value);
  }

  return (
    <form class="try" onSubmit={send}>
      <h4>Try it</h4>
      <div class="samples">
        <button type="button" class="button small" onClick={() => (open.value ? socket.current?.close() : connect())}>
          {open.value ? "Close" : "Connect"}
        </button>
        {samples.map(({ type, text }) => (
          <button key={type} type="button" class="chip" onClick={() => (frame.value = text)}>
            {type}
          </button>
        ))}
      </div>
      <ol
        ref={list}
        class="lines scrolls"
        aria-live="polite"
        tabIndex={0}
        aria-label="What was said"
        hidden={!lines.value.length}
      >
        {lines.value.map(({ from, text }, i) => (
          <li key={i} class={from}>
            <span class="for-ears">{from}: </span>
            {text}
          </li>
        ))}
      </ol>
      <label>
        <code>frame</code>
        <span class="field-box">
          <textarea
            rows={3}
            spellcheck={false}
            value={frame.value}
            placeholder={'{"type": …}'}
            onInput={(event) => (frame.value = event.currentTarget.value)}
          />
        </span>
      </label>
      <button class="button small" type="submit" disabled={!open.value}>
        Send
      </button>
    </form>
  );
}

/** What can be sent as it is, where anything can. */
function sampleFrame(type: string, sample: object): object {
  const more = "client_id" in sample ? { client_id: crypto.randomUUID() } : {};
  const stream = "stream" in sample && !type.startsWith("typing") ? { stream: "global" } : {};
  return { ...sample, ...stream, ...("content" in sample && { content: "hello, world" }), ...more, ...(type === "resume" && { epoch: null, since: null }) }; // prettier-ignore
}

import { useSignal } from "@preact/signals";
import { needsToken, type Operation, sampleOf } from "./documents.ts";
import { token } from "./pieces.tsx";

type Props = { path: string; method: string; operation: Operation };
type Answer = { status: string; ms: number; headers: string; body: string };

/** A form that asks this server, and what it answers. */
export function Try({ path, method, operation }: Props) {
  const { operationId, parameters = [], requestBody } = operation;
  const answer = useSignal<Answer | null>(null);
  const busy = useSignal(false);
  const body = requestBody && JSON.stringify(sampleOf(requestBody.content["application/json"]!.schema), null, 2);

  async function ask(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const given = (place: string) =>
      parameters.flatMap(({ name, in: at }) => (at === place && data.get(name) ? [[name, `${data.get(name)}`] as const] : [])); // prettier-ignore
    let url = path;
    for (const [name, value] of given("path")) url = url.replace(`{${name}}`, encodeURIComponent(value));
    const query = new URLSearchParams(given("query").map((pair) => [...pair]));
    const startedAt = performance.now();
    busy.value = true;
    try {
      const response = await fetch(query.size ? `${url}?${query}` : url, {
        method: method.toUpperCase(),
        headers: {
          ...Object.fromEntries(given("header")),
          ...(requestBody && { "Content-Type": "application/json" }),
          ...(needsToken(operation) && token.value && { Authorization: `Bearer ${token.value}` }),
        },
        body: requestBody ? `${data.get("body")}` : null,
      });
      const text = await response.text();
      answer.value = {
        status: `${response.status} ${response.statusText}`.trim(),
        ms: Math.round(performance.now() - startedAt),
        headers: [...response.headers].map((pair) => pair.join(": ")).join("\n"),
        body: pretty(text),
      };
      if (/\/(signup|login|refresh)\/$/.test(path) && response.ok) token.value = JSON.parse(text).access;
    } catch (error) {
      answer.value = { status: "No answer", ms: 0, headers: "", body: (error as Error).message };
    } finally {
      busy.value = false;
    }
  }

  return (
    <form class="try" onSubmit={ask}>
      <h4>Try it</h4>
      {parameters.length > 0 && (
        <div class="inputs">
          {parameters.map(({ name, required }) => (
            <label key={name}>
              <code>{name}</code>
              <span class="field-box">
                <input name={name} required={required} autocomplete="off" spellcheck={false} />
              </span>
            </label>
          ))}
        </div>
      )}
      {body !== undefined && (
        <label>
          <code>body</code>
          <span class="field-box">
            <textarea name="body" rows={body.split("\n").length} spellcheck={false} defaultValue={body} />
          </span>
        </label>
      )}
      <button class="button small" type="submit" aria-busy={busy.value} aria-describedby={`${operationId}-answer`}>
        {method.toUpperCase()}
      </button>
      <div id={`${operationId}-answer`} aria-live="polite">
        {answer.value && (
          <div class="answer">
            <p>
              <span class={`status of-${answer.value.status[0]}`}>{answer.value.status}</span> {answer.value.ms} ms
            </p>
            {answer.value.body && (
              <pre tabIndex={0} class="scrolls">
                {answer.value.body}
              </pre>
            )}
            <details>
              <summary>Headers</summary>
              <pre>{answer.value.headers}</pre>
            </details>
          </div>
        )}
      </div>
    </form>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

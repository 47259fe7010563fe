import { chooseNext, theme } from "../app/theme.ts";
import { IconButton } from "../app/parts.tsx";
import { fieldsOf, type Http, needsToken, type Operation, type Sockets, typeOf } from "./documents.ts";
import { Fields, Fold, token } from "./pieces.tsx";
import { Socket } from "./socket.tsx";
import { Try } from "./try.tsx";

const METHODS = ["get", "post", "put", "patch", "delete"];
const HIDDEN = new Set(["Pages", "Sockets"]);

export function Docs({ http, sockets }: { http: Http; sockets: Sockets }) {
  const operations = Object.entries(http.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method]! })),
  );
  const tags = http.tags.filter(({ name }) => !HIDDEN.has(name));
  return (
    <div class="docs scrolls">
      <header class="docs-head">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <div>
          <h1>The API</h1>
          <p>LiquidChat {http.info.version}. To read, and to try on this very server.</p>
        </div>
        <IconButton
          icon={theme.value === "system" ? "system" : theme.value}
          label={`Appearance: ${theme.value}`}
          onClick={chooseNext}
        />
      </header>
      <div class="docs-body">
        <nav class="glass" aria-label="Contents">
          {tags.map(({ name }) => (
            <a key={name} href={`#${name}`}>
              {name}
            </a>
          ))}
          {Object.entries(sockets.channels).map(([name, { address }]) => (
            <a key={name} href={`#socket-${name}`}>
              <code>{address}</code>
            </a>
          ))}
          <hr />
          <a href="/api/openapi.json">OpenAPI 3.1</a>
          <a href="/api/asyncapi.json">AsyncAPI 3.0</a>
        </nav>
        <main>
          <TokenField />
          {tags.map(({ name, description }) => (
            <section key={name} id={name} class="glass">
              <h2>{name}</h2>
              <p class="about">{description}</p>
              {operations
                .filter(({ operation }) => operation.tags.includes(name))
                .map((one) => (
                  <Route key={one.operation.operationId} http={http} {...one} />
                ))}
            </section>
          ))}
          {Object.entries(sockets.channels).map(([name, channel]) => (
            <Socket key={name} name={name} channel={channel} />
          ))}
        </main>
      </div>
    </div>
  );
}

function TokenField() {
  return (
    <section class="glass token">
      <label for="token">Access token</label>
      <div class="field-box">
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="or log in below"
          value={token.value}
          onInput={(event) => (token.value = event.currentTarget.value.trim())}
        />
      </div>
    </section>
  );
}

type RouteProps = { http: Http; path: string; method: string; operation: Operation };

function Route({ http, path, method, operation }: RouteProps) {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content["application/json"]!.schema;
  const { schemas } = http.components;
  return (
    <Fold
      id={operation.operationId}
      title={
        <>
          <span class={`method ${method}`}>{method.toUpperCase()}</span>
          <code class="path">{path}</code>
          <span class="summary">{summary}</span>
          {needsToken(operation) && <span class="needs">token</span>}
        </>
      }
    >
      {description && <p>{description}</p>}
      {parameters.length > 0 && (
        <Fields
          title="Parameters"
          rows={parameters.map(({ name, in: place, required, description, schema }) => [
            name,
            { ...schema, description: [`In the ${place}.`, description].filter(Boolean).join(" ") },
            required,
          ])}
        />
      )}
      {body && <Fields title="Body" rows={fieldsOf(body, schemas)} />}
      <h4>Answers</h4>
      <ul class="answers">
        {Object.entries(responses).map(([status, told]) => {
          const whole = told.$ref ? http.components.responses[told.$ref.split("/").at(-1)!]! : told;
          const [type, content] = Object.entries(whole.content ?? {})[0] ?? [];
          const rows =
            content && type === "application/json" ? fieldsOf(content.schema.items ?? content.schema, schemas) : [];
          return (
            <li key={status}>
              <span class={`status of-${status[0]}`}>{status}</span>
              <div>
                {told.$ref && (
                  <span class="codes">
                    {told.$ref
                      .split("/")
                      .at(-1)!
                      .split("_or_")
                      .map((code) => (
                        <code key={code}>{code}</code>
                      ))}
                  </span>
                )}
                {whole.description}
                {rows.length > 0 && (
                  <details>
                    <summary>{typeOf(content!.schema).length < 40 ? typeOf(content!.schema) : "object"}</summary>
                    <Fields rows={rows} />
                  </details>
                )}
              </div>
            </li>
          );
        })}
      </ul>
      <Try path={path} method={method} operation={operation} />
    </Fold>
  );
}

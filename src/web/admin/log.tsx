import type { AuditEntry } from "../../protocol/admin.ts";
import { Name } from "../app/parts.tsx";
import { api } from "./api.ts";
import { Rest, usePages, When } from "./lists.tsx";

/** What was done, between who did it and to whom. */
const WORDS: Record<string, string> = {
  disable: "disabled",
  enable: "enabled",
  end_sessions: "ended all sessions of",
  reset_password: "made a password link for",
  make_admin: "made an administrator of",
  unmake_admin: "took administration from",
  remove_message: "removed a message by",
  read_conversation: "looked into a conversation of",
};

export function Log() {
  const pages = usePages<AuditEntry, string>(
    () => "",
    async (before) => {
      const page = await api.log(before);
      return [page.results, page.before];
    },
  );
  return (
    <>
      <ul class="table lines-of-log">
        {pages.rows.value.map((entry) => (
          <li key={entry.id}>
            <When at={entry.at} />
            <p>
              {entry.by ? <Name of={entry.by.username} /> : <em>The operator</em>} {WORDS[entry.act] ?? entry.act}{" "}
              {entry.user && <Name of={entry.user.username} />}
            </p>
          </li>
        ))}
      </ul>
      <Rest of={pages} none="Nothing was done yet." />
    </>
  );
}

import type { AuditEntry } from "../../protocol/admin.ts";
import { Name } from "../app/parts.tsx";
import { api } from "./api.ts";
import { Rest, usePages, When } from "./lists.tsx";

/** What was done, between who did it and to whom. */
const WORDS: Record<string, string> = {
  disabled: "disabled",
  enabled: "enabled",
  sessions_ended: "ended all sessions of",
  reset_link_made: "made a password link for",
  reset_link_used: "used a password link of",
  account_made: "made the account of",
  made_admin: "made an administrator of",
  unmade_admin: "took administration from",
  message_removed: "removed a message by",
  conversation_read: "looked into a conversation of",
};

export function Log() {
  const pages = usePages<AuditEntry, number>(
    () => "",
    async (before) => {
      const page = await api.log(before);
      return [page.results, page.before];
    },
    ({ id }) => id,
  );
  return (
    <>
      <ul class="table lines-of-log">
        {pages.rows.value.map((entry) => (
          <li key={entry.id}>
            <When at={entry.at} />
            <p>
              {entry.by ? <Name of={entry.by.username} /> : <em>The operator</em>} {WORDS[entry.action] ?? entry.action}{" "}
              {entry.user && <Name of={entry.user.username} />}
            </p>
          </li>
        ))}
      </ul>
      <Rest of={pages} none="Nothing was done yet." />
    </>
  );
}

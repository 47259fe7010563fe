import { useSignal } from "@preact/signals";
import type { Act, AdminUser } from "../../protocol/admin.ts";
import { me } from "../app/chat.ts";
import { Avatar, Name } from "../app/parts.tsx";
import { api, question } from "./api.ts";
import { Rest, Search, usePages, When } from "./lists.tsx";

const FILTERS = [
  ["", "Everyone"],
  ["online", "Online"],
  ["admins", "Administrators"],
  ["disabled", "Disabled"],
] as const;

const ACTS: Record<Act, { name: string; title: (name: string) => string; about: string }> = {
  disable: {
    name: "Disable",
    title: (name) => `Disable ${name}?`,
    about: "They are logged out everywhere and cannot log in until you enable them again. What they said stays.",
  },
  enable: {
    name: "Enable",
    title: (name) => `Enable ${name}?`,
    about: "They can log in again, with their old password.",
  },
  end_sessions: {
    name: "End sessions",
    title: (name) => `Log ${name} out everywhere?`,
    about: "All their sessions end at once. They can log in again.",
  },
  reset_password: {
    name: "Reset password",
    title: (name) => `A new password for ${name}?`,
    about: "You get a link to hand over, good for one hour and one use. Their old password works until they use it.",
  },
  make_admin: {
    name: "Make administrator",
    title: (name) => `Make ${name} an administrator?`,
    about: "They can do all that you can do here, to you as well.",
  },
  unmake_admin: {
    name: "Remove administrator",
    title: (name) => `Take administration from ${name}?`,
    about: "They are an ordinary user again.",
  },
};

const actsOf = (user: AdminUser): Act[] =>
  user.is_deleted
    ? []
    : user.disabled_at
      ? ["enable"]
      : ["reset_password", "end_sessions", user.role === "admin" ? "unmake_admin" : "make_admin", "disable"];

export function Users() {
  const search = useSignal("");
  const only = useSignal("");
  const pages = usePages<AdminUser, number>(
    () => `${search.value} ${only.value}`,
    async (page) => {
      const { results, next } = await api.users(search.value.trim(), only.value, page ?? 1);
      return [results, next === null ? null : (page ?? 1) + 1];
    },
    ({ id }) => id,
  );

  function ask(user: AdminUser, act: Act): void {
    question.value = {
      title: ACTS[act].title(user.username),
      about: ACTS[act].about,
      does: ACTS[act].name,
      run: async (password) => {
        const { link, user: now } = await api.act(user.id, act, password);
        pages.rows.value = pages.rows.value.map((row) => (row.id === now.id ? now : row));
        // Whom the filter leaves out by now, the pages that are yet to come no longer count.
        if (only.value) await pages.again();
        return link;
      },
    };
  }

  return (
    <>
      <Search label="Find a person" text={search}>
        <label class="choice">
          <span class="for-ears">Show</span>
          <select value={only.value} onChange={(event) => (only.value = event.currentTarget.value)}>
            {FILTERS.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
      </Search>
      <ul class="table">
        {pages.rows.value.map((user) => (
          <li key={user.id} class={user.disabled_at ? "faint" : ""}>
            <Avatar id={user.id} name={user.username} online={user.is_online} />
            <div class="facts">
              <h3>
                <Name of={user.username} />
                {user.role === "admin" && <span class="chip">Administrator</span>}
                {user.disabled_at && <span class="chip wrong">{user.is_deleted ? "Deleted" : "Disabled"}</span>}
                {user.id === me.value?.id && <span class="chip">You</span>}
              </h3>
              <p>
                {user.email && (
                  <>
                    <bdi>{user.email}</bdi>
                    {" · "}
                  </>
                )}
                since <When at={user.created_at} />
                {" · "}
                {user.is_online ? (
                  "online now"
                ) : user.last_seen ? (
                  <>
                    seen <When at={user.last_seen} />
                  </>
                ) : (
                  "never seen"
                )}
                {" · "}
                {user.sessions === 1 ? "1 session" : `${user.sessions} sessions`}
              </p>
            </div>
            <div class="acts">
              {actsOf(user).map((act) => (
                <button
                  key={act}
                  type="button"
                  class="link"
                  aria-label={`${ACTS[act].name}: ${user.username}`}
                  onClick={() => ask(user, act)}
                >
                  {ACTS[act].name}
                </button>
              ))}
            </div>
          </li>
        ))}
      </ul>
      <Rest of={pages} none="Nobody like that." />
    </>
  );
}

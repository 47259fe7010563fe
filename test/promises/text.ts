import { expect } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";

export const text: PromiseSuite = (promised, rig) => {
  const signUp = async (username: string) => {
    const { status, body } = await call(rig().url(), "POST", "/api/auth/signup/", {
      body: { username, password: PASSWORD, password_confirm: PASSWORD },
    });
    return status === 201 ? "signed up" : `${body.errors[0].field}: ${body.errors[0].code}`;
  };
  const logIn = async (username: string) =>
    (await call(rig().url(1), "POST", "/api/auth/login/", { body: { username, password: PASSWORD } })).body.user
      ?.username;
  const tag = () => Math.random().toString(36).slice(2, 7);

  promised([155], "one or two characters find beginnings, three or more a part, in any form of Unicode", async () => {
    const [me, end] = [await Person.signUp(rig().url()), tag()];
    const names = [`Ñandú${end}`, `xÑandú${end}`].map((name) => name.normalize("NFC"));
    for (const name of names) expect([name, await signUp(name)]).toEqual([name, "signed up"]);
    const found = async (search: string) =>
      (await me.get(`/api/auth/users/?page_size=100&search=${encodeURIComponent(search)}`)).body.results
        .map((user: Json) => user.username)
        .filter((name: string) => name.endsWith(end));
    for (const search of ["ñ", "Ña", "N\u0303A", "Ｎ\u0303"])
      expect([search, await found(search)]).toEqual([search, [names[0]]]);
    expect(await found("an")).toEqual([]);
    for (const search of ["and", "AND", `ndú${end}`, `NDU\u0301${end}`])
      expect([search, (await found(search)).sort()]).toEqual([search, [...names].sort()]);
  });

  promised([156], "a name is visible and stays in its place", async () => {
    const hidden = ["\u00ad", "\u200b", "\u200d", "\u202e", "\u2066", "\u2800", "\u3164", "\ufe0f", "\u{e0061}"].map(
      (c) => `ali${c}ce`,
    );
    const stacked = [
      "\u0301alice",
      "1\u0301st",
      "a\u0300\u0301\u0302lice",
      "a\u0301\u0301lice",
      "a\u20ddlice",
      `ก${"\u0e49".repeat(9)}ก`,
    ];
    for (const name of [...hidden, ...stacked, "a1\u0661", "😀lice"])
      expect([name, await signUp(name)]).toEqual([name, "username: invalid"]);
    for (const name of ["Nguyễn_Ấn", "שָׁלוֹם", "مُحَمَّد", "क्षत्रिय"].map((name) => name + tag()))
      expect([name, await signUp(name)]).toEqual([name, "signed up"]);
  });

  promised([157], "look-alikes are taken, in any case and any script, the server's own names above all", async () => {
    const end = `${Math.floor(Math.random() * 1e9)}`;
    for (const [name, ...alike] of [
      ["Bob", "ВОВ", "вов", "вОb"],
      ["mary", "Маry", "МАRY"],
      ["paypal", "раураl", "pаypaI", "ＰＡＹＰＡＬ", "𝓹aypal"],
      ["istan", "i\u0307stan", "İstan", "ıstan"],
    ]) {
      expect([name, await signUp(name! + end)]).toEqual([name, "signed up"]);
      for (const other of alike) expect([other, await signUp(other + end)]).toEqual([other, "username: taken"]);
    }
    for (const name of ["Admin.", "@everyone", "ÀDMIN", "ᴀᴅᴍɪɴ", "АDМІN", "r00t", "ЅYЅТЕМ"])
      expect([name, await signUp(name)]).toEqual([name, "username: taken"]);
  });

  promised([158], "one logs in with the name in any case and any form", async () => {
    const name = `Ångström.ΣΑΣ${tag()}`.normalize("NFC");
    expect(await signUp(name)).toBe("signed up");
    for (const typed of [
      name.toLowerCase(),
      name.toUpperCase(),
      name.normalize("NFD"),
      `  ${name} `,
      name.replace("Σ", "ς"),
    ])
      expect([typed, await logIn(typed)]).toEqual([typed, name]);
    for (const other of [name.slice(1), `${name}.`, name.replace("Å", "A"), name.replace("t", "т")])
      expect([other, await logIn(other)]).toEqual([other, undefined]);
  });

  promised(
    [159, 160, 161],
    "content opens no tag wherever it stands, and what is no tag comes as typed, cut between characters in previews",
    async () => {
      const [alice, bob] = [await Person.signUp(rig().url()), await Person.signUp(rig().url(1))];
      const id = await alice.conversationWith(bob);
      const [global, inPrivate, chat] = [await bob.socket("global"), await bob.socket("private"), await bob.chat()];
      const odd = [
        "\u202etfel ot thgir\u202c",
        "zero\u200bwidth\u200d\ufeff!",
        "Z\u0351\u036b\u0343a\u0489lgo",
        "\u2067isolated",
        "👩‍👩‍👧 \u{e0067}",
        "می‌خواهم",
        "a <",
        `${"y".repeat(99)}<<`,
        "\u00ad-",
        "&lt;img&gt;",
      ];
      const markup = ["a <b>bold</b> <<b>script>", "1 <!-- 2 --> 3", `${"😀".repeat(99)}<<b>b>x`, "<x <y <z> w"];
      for (const typed of [...odd, ...markup]) {
        const sent = (await alice.post("/api/chat/global/messages/", { content: typed })).body;
        await alice.post(`/api/chat/conversations/${id}/messages/`, { content: typed });
        const messages: Json[] = [
          (await global.next((f) => f.message?.id === sent.id)).message,
          (await inPrivate.next("private_message")).message,
          (await chat.next((f) => f.type === "message" && f.stream === "global" && f.message.id === sent.id)).message,
          (await chat.next((f) => f.type === "message" && f.stream === id)).message,
          (await bob.get("/api/chat/global/messages/?limit=1")).body[0],
          (await bob.get(`/api/chat/conversations/${id}/`)).body.messages.at(-1),
        ];
        const contents = messages.map(({ content }) => content);
        expect([...new Set(contents)]).toHaveLength(1);
        const [content] = contents;
        expect(content).not.toMatch(/<[A-Za-z/!?]/);
        if (odd.includes(typed))
          expect([typed, ...messages.map(({ text }) => text)]).toEqual([content, ...Array(6).fill(undefined)]);
        else expect(messages.slice(2).map((message) => message.text)).toEqual(Array(4).fill(typed));
        const [{ last_message }] = (await bob.get("/api/chat/conversations/")).body.results;
        expect(last_message.content).toBe([...content].slice(0, 100).join(""));
        expect(last_message.content.isWellFormed()).toBe(true);
      }
      await bob.closeAll();
    },
  );
};

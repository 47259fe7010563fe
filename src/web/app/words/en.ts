import type { Grammar, Part } from "./grammar.ts";

/** Every language has these keys (words/index.ts lists the languages). A sentence is one entry: its parts stand in another order elsewhere. */
export const en = ({ number, plural, list }: Grammar) => ({
  language: "Language",
  asBrowser: "As the browser",
  tryAgain: "Try again",
  signIn: {
    joinTitle: "Join the conversation",
    joinHint: "A name and a password, nothing else.",
    logInTitle: "Welcome back",
    logInHint: "Log in to LiquidChat.",
    name: "Name",
    password: "Password",
    showPassword: "Show the password",
    hidePassword: "Hide the password",
    join: "Sign up",
    logIn: "Log in",
    isNew: "New here?",
    toJoin: "Create an account",
    isKnown: "Been here before?",
    toLogIn: "Log in",
    nameMissing: "Your name here, please.",
    passwordMissing: "A password is needed.",
    refused: "That name and password do not go together.",
    tooMany: (seconds: number) =>
      plural(seconds, {
        one: "Too many tries. Wait a second, then try again.",
        other: "Too many tries. Wait # seconds, then try again.",
      }),
  },
  reset: {
    title: "A new password",
    hint: "This link is good once. All your sessions end.",
    password: "New password",
    set: "Set the password",
    doneTitle: "That is done",
    doneHint: "Your password is new, and every session that there was is over.",
    linkOver: "This link was used already, or is older than an hour. Ask for another one.",
  },
  strength: {
    none: "At least 8 characters. A few words that do not belong together are best.",
    short: (missing: number) => plural(missing, { one: "# more character to go.", other: "# more characters to go." }),
    name: "It contains your name: that is the first thing anyone tries.",
    easy: "Easy to guess. Another word would help.",
    good: "Good.",
    strong: "Strong.",
  },
  goodbye: {
    expired: "Your session is over. Log in to go on; what was not sent is kept.",
    disabled: "This account has been disabled.",
    untold: "You are logged out here. The server could not be told: its side of the session ends by itself.",
  },
  /** By field and code of the protocol; `any` is any other field. */
  fields: {
    username: {
      required: "Your name here, please.",
      invalid: "A name has 2 to 32 letters and digits of one script; . _ - @ + may stand among them.",
      taken: "This name is taken, or looks like one that is.",
    },
    password: {
      required: "A password is needed.",
      weak: "Easy to guess, or like your name. Take another one of 8 to 128 characters: a few words that do not belong together.",
    },
    any: {
      required: "Something is missing here.",
      invalid: "This is not right yet.",
      mismatch: "The two are not the same.",
    },
  },
  /** By code of the protocol. */
  errors: {
    offline: "The server cannot be reached. Look at your connection, then try again.",
    unavailable: "The server cannot do this right now. Try again in a moment.",
    internal: "Something went wrong on the server's side.",
    rate_limited: "That was too much at once. Wait a moment, then try again.",
    too_long: "The message is too long. Send it in parts.",
    empty: "Nothing is left of this message that could be shown.",
    forbidden: "You may not do this here.",
    not_found: "This is no longer there.",
    idempotency_mismatch: "Another message was sent in its place.",
  },
  everyone: "Everyone",
  you: "You",
  online: "Online",
  offline: "Offline",
  isOnline: "(online)",
  typing: "typing…",
  people: {
    find: "Find people",
    clear: "Clear the search",
    found: "People",
    nobody: "Nobody by that name.",
    failed: "People cannot be found just now.",
    notOpened: "The conversation could not be opened. Try again.",
  },
  rooms: {
    list: "Rooms",
    byMe: (text: Part): Part => ["You: ", text],
    emptyGlobal: "Say hello to everyone",
    emptyDirect: "Nothing said yet",
    older: "Older conversations",
    olderFailed: "That did not work. Try again",
    unread: (count: number) => plural(count, { one: "# unread", other: "# unread" }),
  },
  account: {
    colours: { system: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" },
    logOut: "Log out",
  },
  room: {
    online: (count: number) => plural(count, { one: "# online", other: "# online" }),
    /** `ago`: "5 minutes ago", "yesterday". */
    lastSeen: (ago: string) => `Last seen ${ago}`,
    connectAgain: "Disconnected. Connect again",
    reconnecting: "Reconnecting…",
    offline: "You are offline",
    messages: "Messages",
    older: "Older messages…",
    olderFailed: "Older messages could not be loaded. Try again",
    loading: "Loading…",
    failed: "The messages could not be loaded. Try again",
    emptyGlobal: "It is quiet here. Be the first to say something.",
    emptyDirect: "A new conversation. Only the two of you can see it.",
    isTyping: (name: Part): Part => [name, " is typing"],
    toLatest: "To the latest",
    toLatestNew: (count: number) => plural(count, { one: "To the latest, # new", other: "To the latest, # new" }),
    countNew: (count: number) => plural(count, { one: "# new", other: "# new" }),
    message: "Message",
    send: "Send",
  },
  message: {
    new: "New",
    says: (name: string) => `${name}:`,
    states: {
      queued: "Waiting to be sent",
      sending: "Sending",
      sent: "Sent",
      read: "Read",
      failed: "Not sent",
    },
    notSent: "It was not sent.",
    discard: "Discard",
    /** Read out: one message, and several at once. */
    heard: (name: string, text: string) => `${name}: ${text}`,
    heardMany: (count: number, names: string[], others: boolean) =>
      plural(count, {
        one: `# new message from ${list([...names, ...(others ? ["others"] : [])])}`,
        other: `# new messages from ${list([...names, ...(others ? ["others"] : [])])}`,
      }),
  },
  count: (n: number, atMost: number) => (n > atMost ? `${number(atMost)}+` : number(n)),
});

export type Words = ReturnType<typeof en>;

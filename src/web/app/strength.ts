/** How hard a password looks to guess, while it is typed. The server judges: it knows the common ones. */
export type Strength = { score: 0 | 1 | 2 | 3; words: string };

export function strengthOf(password: string, username: string): Strength {
  const chars = [...password];
  if (!chars.length)
    return { score: 0, words: "At least 8 characters. A few words that do not belong together are best." };
  const missing = 8 - chars.length;
  if (missing > 0) return { score: 0, words: `${missing} more character${missing === 1 ? "" : "s"} to go.` };
  if (username && password.toLowerCase().includes(username.toLowerCase()))
    return { score: 0, words: "It contains your name: that is the first thing anyone tries." };
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  const different = new Set(chars).size;
  const points = chars.length + 2 * kinds - (different < 6 ? 8 : 0);
  if (points < 13) return { score: 1, words: "Easy to guess. Another word would help." };
  if (points < 20) return { score: 2, words: "Good." };
  return { score: 3, words: "Strong." };
}

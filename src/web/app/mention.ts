/** Whether a text names somebody: the name by itself, in whatever case, with or without an @. */
export function mentions(text: string, name: string): boolean {
  const [words, wanted] = [text.normalize("NFC").toLowerCase(), name.toLowerCase()];
  for (let at = words.indexOf(wanted); at >= 0; at = words.indexOf(wanted, at + 1)) {
    const [before] = words.slice(0, at).match(/.$/su) ?? [""];
    const [after] = words.slice(at + wanted.length).match(/^./su) ?? [""];
    if (!IN_NAME.test(before) && !IN_NAME.test(after)) return true;
  }
  return false;
}

const IN_NAME = /^[\p{L}\p{M}\p{N}_]$/u;

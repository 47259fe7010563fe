/** A mark in a message's content tells its number, which is read from the bytes that arrive, and written into those that leave. */

const START = Buffer.from("~LC");
const DIGITS = 8;
const LENGTH = START.length + DIGITS;
const WORDS = "the quick brown fox jumps over the lazy dog while the river runs by and by";

/** Since the start of this process, which does not live for long. */
export const nowUs = (): number => performance.now() * 1_000;

/** A content of 80 characters or so, its number yet to be written. */
export const MARKED_CONTENT = `${START.toString()}${"0".repeat(DIGITS)}~${WORDS.slice(0, 66)}`;
/** What else a frame needs that is new each time: it is numbered as well. */
export const NUMBER = "0".repeat(DIGITS);

/** Where the last mark stood in its frame: it mostly stands there again. */
let usual = 0;

/** Where the number in the mark of a frame is; -1 where there is none. */
export function findNumber(bytes: Buffer, start: number, end: number): number {
  const guess = start + usual;
  if (
    guess + LENGTH <= end &&
    bytes[guess] === START[0] &&
    bytes[guess + 1] === START[1] &&
    bytes[guess + 2] === START[2]
  )
    return guess + START.length;
  const at = bytes.indexOf(START, start);
  if (at < 0 || at + LENGTH > end) return -1;
  usual = at - start;
  return at + START.length;
}

export function readNumber(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at; i < at + DIGITS; i++) value = (value * 10 + bytes[i]! - 48) | 0;
  return value;
}

export function writeNumber(bytes: Buffer, at: number, number: number): void {
  for (let i = at + DIGITS - 1, rest = number; i >= at; i--, rest = Math.trunc(rest / 10)) bytes[i] = 48 + (rest % 10);
}

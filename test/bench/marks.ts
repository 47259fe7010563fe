/** A mark in a message's content says when, by whom and as which message it was sent; it is read from the bytes that arrive. */

const START = Buffer.from("~LC");
const WIDTHS = { us: 9, number: 7, sender: 5 };
const LENGTH = START.length + WIDTHS.us + WIDTHS.number + WIDTHS.sender;
const WORDS = "the quick brown fox jumps over the lazy dog while the river runs";

/** Since the start of this process, which does not live for long. */
export const nowUs = (): number => performance.now() * 1_000;

/** A content of 80 characters or so. */
export function markedContent(number: number, sender: number): string {
  const digits = (value: number, width: number) => String(Math.round(value)).padStart(width, "0");
  return `~LC${digits(nowUs(), WIDTHS.us)}${digits(number, WIDTHS.number)}${digits(sender, WIDTHS.sender)}~${WORDS.slice(0, 50)}`;
}

/** Where the last mark stood in its frame: it mostly stands there again. */
let usual = 0;

/** Where the mark of a frame is; -1 where there is none. */
export function findMark(bytes: Buffer, start: number, end: number): number {
  const guess = start + usual;
  if (
    guess + LENGTH <= end &&
    bytes[guess] === START[0] &&
    bytes[guess + 1] === START[1] &&
    bytes[guess + 2] === START[2]
  )
    return guess;
  const at = bytes.indexOf(START, start);
  if (at < 0 || at + LENGTH > end) return -1;
  usual = at - start;
  return at;
}

export const sentAt = (bytes: Buffer, mark: number): number => decimal(bytes, mark + START.length, WIDTHS.us);
export const numberOf = (bytes: Buffer, mark: number): number =>
  decimal(bytes, mark + START.length + WIDTHS.us, WIDTHS.number);
export const senderOf = (bytes: Buffer, mark: number): number =>
  decimal(bytes, mark + START.length + WIDTHS.us + WIDTHS.number, WIDTHS.sender);

function decimal(bytes: Buffer, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i++) value = value * 10 + bytes[i]! - 48;
  return value;
}

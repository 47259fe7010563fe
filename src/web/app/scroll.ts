import type { Talk } from "./lines.ts";
import { AROUND, createRows, type Span } from "./rows.ts";

/** Close enough to the end to count as there (px). */
const NEAR = 48;
/** After so long without a move (ms) a scroll is over. */
const STILL = 150;

/** So much around the view (px) while it moves by more than itself: what is there will be gone with the next move. */
const LITTLE = 60;

/** What is looked at: the first line in view, and how far below the view's top it begins (px). */
export type Place = { seq: number; top: number };

/**
 * Shows a part of the lines and keeps what is looked at where it is, whatever comes, goes or changes its height: the end, where one was there;
 * else the first line in view. To be asked for the `span` at each rendering, and to `settle` after it.
 *
 * @param place where to begin; null for the end
 * @param rested a scroll is over
 */
export function createScroll(place: Place | null, rested: () => void) {
  const rows = createRows(estimate);
  let box: HTMLElement | null = null;
  let list: HTMLElement | null = null;
  let span: Span = { from: 0, to: 0 };
  /** Where the box was left; anywhere else, somebody's hand has moved it, perhaps a moment before its event. */
  let left = 0;
  /** The view's height, and the list's width. */
  let height = innerHeight;
  let width = 600;
  /** The list's height when it was last arranged. */
  let arranged = 0;
  /** Pixels that stand above the lines, and should not: what was above turned out to be lower, or higher, while a hand scrolled. */
  let slack = 0;
  let scrolling = 0;
  let most = AROUND;
  /** What `settle` found in the document the last time. */
  let settled: Span = span;

  function estimate(text: string, first: boolean): number {
    let lines = 0;
    for (const line of text.split("\n", 20)) lines += Math.ceil(line.length / Math.max(20, width / 9)) || 1;
    return 17 + 24 * Math.min(20, lines) + (first ? 29 : 0);
  }

  /** The top of the view, from the top of the first line. */
  function top(): number {
    return box!.getBoundingClientRect().top - list!.getBoundingClientRect().top - slack;
  }

  function remember(y: number): void {
    const row = rows.at(y);
    const seq = rows.seqOf(row);
    if (seq !== undefined) place = { seq, top: rows.offset(rows.indexOf(seq)) - y };
  }

  /** Takes in how far a hand has moved the box. The lines may have changed their heights meanwhile, so only by how much, not where to. */
  function look(): void {
    const by = (box?.scrollTop ?? left) - left;
    if (!box || Math.abs(by) < 1 || rows.seqOf(0) === undefined) return;
    left = box.scrollTop;
    if (Math.abs(by) > height) most = LITTLE;
    // Who begins to scroll up is let go at once: in a busy room the next message would pull them back.
    if (below() < (by < 0 ? 1 : NEAR)) place = null;
    else if (place) place = { seq: place.seq, top: place.top - by };
    else remember(top());
  }

  function below(): number {
    return span.to < rows.count() ? Infinity : box!.scrollHeight - box!.clientHeight - box!.scrollTop;
  }

  /** Space instead of the lines that are not there. */
  function pad(): void {
    list!.style.paddingTop = `${rows.offset(span.from) + slack}px`;
    list!.style.paddingBottom = `${rows.total() - rows.offset(span.to)}px`;
  }

  function measure(): void {
    const tops = Array.from(list!.children, (line) => line.getBoundingClientRect().top);
    if (!tops.length) return;
    tops.push(list!.lastElementChild!.getBoundingClientRect().bottom);
    for (let i = span.from; i < span.to; i++) rows.set(i, tops[i - span.from + 1]! - tops[i - span.from]!);
  }

  /** How far the place is below where it should be; null where it is not in the document. */
  function off(): number | null {
    const line = list!.children[rows.indexOf(place!.seq) - span.from];
    return line ? line.getBoundingClientRect().top - box!.getBoundingClientRect().top - place!.top : null;
  }

  function hold(): void {
    const by = place && off();
    // A write of where the box is would stop the hand's scroll. The space above is what nobody sees, as long as there is some.
    const canTake = by !== null && scrolling && span.from && rows.offset(span.from) + slack - by > height;
    slack = canTake ? slack - by : 0;
    pad();
    const end = box!.scrollHeight - box!.clientHeight;
    const wanted = place ? box!.scrollTop + (off() ?? 0) : end;
    if (Math.abs(wanted - box!.scrollTop) >= 0.5) box!.scrollTop = wanted;
    left = box!.scrollTop;
    // From now on by the first line in view: another one may be let go.
    if (place) remember(by === null ? top() : view());
  }

  /** @param changed some line is another than before, or may have another size */
  function arrange(changed: boolean): void {
    const isSame = !changed && span.from === settled.from && span.to === settled.to;
    settled = span;
    const { paddingTop } = list!.style;
    // Before anything is asked of the document: each question after a change has it laid out.
    pad();
    // More space below what somebody looks at moves nothing.
    if (isSame && place && paddingTop === list!.style.paddingTop) return;
    [height, width] = [box!.clientHeight, list!.clientWidth];
    if (!isSame) measure();
    hold();
    arranged = list!.clientHeight;
  }

  function rest(): void {
    scrolling = 0;
    most = AROUND;
    look();
    if (span.to && box?.isConnected) arrange(true);
    rested();
  }

  const wanting = () => !rows.suffices(span, view(), height, most);
  const view = () => (place ? rows.offset(rows.indexOf(place.seq)) - place.top : rows.total() - height);

  return {
    place: () => place,
    /** Lines that are held above the view (px). */
    above: () => view(),
    /** To be called before anything is rendered because of news: afterwards, to ask where the box is has all laid out for that alone. */
    look,
    /** The lines to be shown. */
    span(talk: Talk): Span {
      rows.sync(talk);
      return (span = rows.around(view(), height, most));
    },
    /**
     * The lines of the span are in the document (`rendered`), so many of them drawn (anew), or sizes have changed.
     * @returns whether others are to be there
     */
    settle(nextBox: HTMLElement, nextList: HTMLElement, rendered: boolean, drawn = 0): boolean {
      // Most sizes that one is told of have been seen already.
      if (!rendered && box?.clientHeight === height && nextList.clientHeight === arranged) return false;
      [box, list] = [nextBox, nextList];
      // While there is nothing to scroll, no hand has done that. Nor where new lines stand in the space of others.
      if (!span.to) {
        [height, width, left] = [box.clientHeight, list.clientWidth, box.scrollTop];
        return false;
      }
      if (!rendered) look();
      arrange(!rendered || drawn > 0);
      return wanting();
    },
    /** The box was scrolled. @returns whether other lines are to be shown */
    moved(): boolean {
      clearTimeout(scrolling);
      scrolling = setTimeout(rest, STILL);
      look();
      return wanting();
    },
    /** At the end, or so near that it counts. */
    atEnd: () => place === null || (box !== null && below() < NEAR),
    /** Goes to the end, to be rendered then. At once: half of a long way would be empty, and its end is not known before. */
    toEnd: (): void => void (place = null),
    stop: () => clearTimeout(scrolling),
  };
}

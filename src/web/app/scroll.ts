/** Close enough to the end to count as there (px). */
const NEAR = 48;

/**
 * Keeps what is looked at where it is while lines come and go: the end, where one was there; else the first line in view, whatever is put
 * above it.
 */
export function createScroll() {
  let box: HTMLElement | null = null;
  let end = true;
  let anchor: { line: HTMLElement; top: number } | null = null;
  /** Scrolls by `settle`; their events are not somebody's hand. */
  let expected = -1;

  function remember(): void {
    anchor = null;
    for (const line of box!.querySelectorAll<HTMLElement>(".lines > li")) {
      if (line.offsetTop + line.offsetHeight <= box!.scrollTop) continue;
      anchor = { line, top: line.offsetTop - box!.scrollTop };
      break;
    }
  }

  return {
    atEnd: () => end,
    /** The box was scrolled. */
    moved(): void {
      if (!box || Math.abs(box.scrollTop - expected) < 1) return;
      expected = -1;
      end = box.scrollHeight - box.clientHeight - box.scrollTop < NEAR;
      if (!end) remember();
    },
    /** Lines or sizes have changed. */
    settle(next: HTMLElement): void {
      box = next;
      if (end) box.scrollTop = box.scrollHeight;
      else if (anchor?.line.isConnected) box.scrollTop = anchor.line.offsetTop - anchor.top;
      expected = box.scrollTop;
    },
    toEnd(next: HTMLElement): void {
      box = next;
      end = true;
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      box.scrollTo({ top: box.scrollHeight, behavior: calm ? "instant" : "smooth" });
    },
  };
}

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
  /** Where the box was left; anywhere else, somebody's hand has moved it, perhaps a moment before its event. */
  let left = -1;

  function remember(): void {
    anchor = null;
    for (const line of box!.querySelectorAll<HTMLElement>(".lines > li")) {
      if (line.offsetTop + line.offsetHeight <= box!.scrollTop) continue;
      anchor = { line, top: line.offsetTop - box!.scrollTop };
      break;
    }
  }

  /** The box was scrolled. */
  function moved(): void {
    if (!box || Math.abs(box.scrollTop - left) < 1) return;
    left = box.scrollTop;
    end = box.scrollHeight - box.clientHeight - left < NEAR;
    if (!end) remember();
  }

  return {
    atEnd: () => end,
    moved,
    /** Lines or sizes have changed. */
    settle(next: HTMLElement): void {
      box = next;
      if (left >= 0) moved();
      const wanted = end ? box.scrollHeight : anchor?.line.isConnected ? anchor.line.offsetTop - anchor.top : left;
      // Even where it changes nothing, this would stop a smooth scroll.
      if (Math.abs(box.scrollTop - wanted) >= 1) box.scrollTop = wanted;
      left = box.scrollTop;
    },
    toEnd(next: HTMLElement): void {
      box = next;
      end = true;
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      box.scrollTo({ top: box.scrollHeight, behavior: calm ? "instant" : "smooth" });
    },
  };
}

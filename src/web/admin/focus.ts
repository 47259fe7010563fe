/**
 * What has the focus can go away, as a button that was pressed: the focus then goes to what has taken its place in the list, or to the search
 * field.
 */
export function watchFocus(): void {
  let last: Element | null = null;
  let list: Element | null = null;
  let at = 0;
  const remember = ({ target }: Event) => {
    last = target as Element;
    // From a dialog one comes back to where it was asked.
    if (last.closest("dialog")) return;
    list = document.querySelector(".table");
    const rows = [...(list?.children ?? [])];
    const row = rows.indexOf(last.closest("li")!);
    // The place of "More" is taken by what it brings.
    at = row < 0 ? rows.length : row;
  };
  addEventListener("focusin", remember);
  // "More" keeps the focus while the list grows.
  addEventListener("click", remember, { capture: true });
  const search = () =>
    // Nobody asked for an on-screen keyboard.
    matchMedia("(hover: hover)").matches ? document.querySelector<HTMLElement>(".tools input") : null;
  new MutationObserver(() => {
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    const row = list?.isConnected ? list.children[at]?.querySelector("button") : null;
    (row ?? search() ?? document.querySelector<HTMLElement>(".admin nav a[aria-current]"))?.focus();
  }).observe(document.body, { childList: true, subtree: true });
}

/**
 * Where an on-screen keyboard lies over the page instead of making it smaller, as on iOS, the page takes what is left. Zoomed by two fingers, it
 * stays as large as it is: one looks at a part of it.
 */
export function fitToKeyboard(): void {
  const seen = window.visualViewport;
  if (!seen) return;
  seen.addEventListener("resize", () => {
    if (seen.scale > 1.01) return;
    const isCovered = innerHeight - seen.height > 1;
    document.documentElement.style.setProperty("--seen", isCovered ? `${seen.height}px` : "100%");
    // To show the field, the page was pushed up, and now has nothing below.
    if (isCovered) scrollTo(0, 0);
  });
}

declare module "unicode-confusables" {
  /** Replaces each character by the one that it looks like (UTS 39). */
  export function rectifyConfusion(text: string): string;
}

/** The token stands behind the #, which browsers keep to themselves: no log on the way has it. */
export function linkLines(token: string, publicUrl: string | null): string {
  const path = `/reset#${token}`;
  const note = publicUrl ? "" : "\n(Behind the address of your server; set PUBLIC_URL to have it here.)";
  return `Good for an hour, once:\n${publicUrl ?? ""}${path}${note}`;
}

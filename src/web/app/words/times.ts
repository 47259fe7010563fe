const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Times as one locale writes them, in ms since 1970, by this device's clock and calendar. */
export function timesOf(locale: string) {
  const of = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
  const clock = of({ hour: "numeric", minute: "2-digit" });
  const weekday = of({ weekday: "long" });
  const date = of({ day: "numeric", month: "long" });
  const dateOfYear = of({ day: "numeric", month: "long", year: "numeric" });
  const short = of({ day: "numeric", month: "short" });
  const full = of({ dateStyle: "full", timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

  return {
    time: (at: number): string => clock.format(at),
    full: (at: number): string => full.format(at),
    /** "Today", "Yesterday", "Friday", "3 May". */
    day(at: number, now: number): string {
      const days = daysSince(at, now);
      if (days < 2) {
        const [first = "", ...rest] = relative.format(-Math.max(days, 0), "day");
        return first.toLocaleUpperCase(locale) + rest.join("");
      }
      if (days < 7) return weekday.format(at);
      return (new Date(at).getFullYear() === new Date(now).getFullYear() ? date : dateOfYear).format(at);
    },
    /** For the list of rooms: as short as it can be told. */
    shortly: (at: number, now: number): string => (daysSince(at, now) <= 0 ? clock : short).format(at),
    /** "5 minutes ago", "yesterday"; a moment counts as a minute. */
    ago(at: number, now: number): string {
      const minutes = Math.max(1, Math.round((now - at) / MINUTE));
      if (minutes < 60) return relative.format(-minutes, "minute");
      const days = daysSince(at, now);
      if (days <= 0 || now - at < 12 * HOUR) return relative.format(-Math.round(minutes / 60), "hour");
      if (days < 7) return relative.format(-days, "day");
      if (days < 365) return relative.format(-Math.round(days / 7), "week");
      return relative.format(-Math.round(days / 365), "year");
    },
  };
}

/** Calendar days from then to now. */
function daysSince(at: number, now: number): number {
  const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(at)) / (24 * HOUR));
}

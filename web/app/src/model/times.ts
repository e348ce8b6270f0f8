// Times as the reader's own locale writes them; the words around them are English, like the rest of the application.

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayThisYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOtherYear = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** "14:32" or "2:32 PM". */
export function clockTime(time: Date): string {
  return clock.format(time);
}

/** The date and the time of day, to the minute. */
export function shortTime(time: Date): string {
  return moment.format(time);
}

/** Everything about a time: the date, the time to the second and how long ago. */
export function fullTime(time: Date, now: Date): string {
  return `${full.format(time)} (${ago(time, now)})`;
}

/** "now", "5 minutes ago", "yesterday", "3 weeks ago". A time ahead of this machine's clock is "now". */
export function ago(time: Date, now: Date): string {
  const passed = now.getTime() - time.getTime();
  if (passed < minuteMs) {
    return "now";
  }
  if (passed < hourMs) {
    return relative.format(-Math.floor(passed / minuteMs), "minute");
  }
  const days = calendarDays(time, now);
  if (days === 0 || passed < 6 * hourMs) {
    return relative.format(-Math.floor(passed / hourMs), "hour");
  }
  if (days < 14) {
    return relative.format(-days, "day");
  }
  return days < 60
    ? relative.format(-Math.floor(days / 7), "week")
    : relative.format(-Math.floor(days / 30.44), "month");
}

/** The name of a day for a divider: "Today", "Yesterday", "Friday 20 November", with the year if it is not this one. */
export function dayName(day: Date, now: Date): string {
  const days = calendarDays(day, now);
  if (days <= 0) {
    return "Today";
  }
  if (days === 1) {
    return "Yesterday";
  }
  return (day.getFullYear() === now.getFullYear() ? dayThisYear : dayOtherYear).format(day);
}

/** The shortest form, for a list: "now", "5 min", "3 h", "20 Nov". */
export function shortAgo(time: Date, now: Date): string {
  const passed = now.getTime() - time.getTime();
  if (passed < minuteMs) {
    return "now";
  }
  if (passed < hourMs) {
    return `${Math.floor(passed / minuteMs)} min`;
  }
  if (passed < dayMs) {
    return `${Math.floor(passed / hourMs)} h`;
  }
  return shortDay.format(time);
}

/** How many midnights lie between two times, in local time. Noon to noon, so that summer time does not miscount. */
function calendarDays(from: Date, to: Date): number {
  const noon = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate(), 12).getTime();
  return Math.round((noon(to) - noon(from)) / dayMs);
}

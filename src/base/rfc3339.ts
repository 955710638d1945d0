// Absolute times as clients write them: RFC 3339 §5.6.

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+ -])(\d\d):(\d\d))$/i;

/**
 * UTC in µs since 1970 of a time with any offset; digits below a microsecond are cut off. A leap second is the second after it. A space may stand
 * for the + of the offset: that is what forms make of it. undefined: no such time.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hours, minutes, seconds] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 60 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // not Date.UTC: that takes the years 0 to 99 for those from 1900 on
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined; // no such day
  const offsetMs = (match[8] === "-" ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  const utcMs = date.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1000 - offsetMs;
  return utcMs * 1000 + Number((match[7] ?? "").padEnd(6, "0").slice(0, 6));
}

/** RFC 3339 times, as Faktory writes and reads them. */

const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

let cachedAt = Number.NaN;
let cachedText = '';

/** The time as a job bears it. The last answer is kept: many jobs come within one millisecond. */
export function formatTime(ms: number): string {
  if (ms !== cachedAt) {
    cachedAt = ms;
    cachedText = new Date(ms).toISOString();
  }
  return cachedText;
}

/** Milliseconds since 1970, or undefined for what is no RFC 3339 time of a real day (with T and zone). */
export function parseTime(text: string): number | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts.map(Number) as number[];
  const midnight = new Date(Date.UTC(2000, 0, 1));
  midnight.setUTCFullYear(year!, month! - 1, day!);
  const isDay = midnight.getUTCMonth() === month! - 1 && midnight.getUTCDate() === day!;
  if (!isDay || hour! > 23 || minute! > 59 || second! > 59) return undefined;
  const [zoneHours, zoneMinutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (zoneHours > 24 || zoneMinutes > 59) return undefined;
  const zone = (zoneHours * 60 + zoneMinutes) * (parts[8] === '-' ? -60_000 : 60_000);
  const fraction = parts[7] === undefined ? 0 : Math.floor(Number(`0.${parts[7]}`) * 1000);
  return midnight.getTime() + ((hour! * 60 + minute!) * 60 + second!) * 1000 + fraction - zone;
}

/** Go's words for a text that `parseTime` refuses. */
export function timeError(text: string): string {
  const shown = JSON.stringify(text);
  if (TIME.test(text)) return `parsing time ${shown}: day out of range`;
  return `parsing time ${shown} as "2006-01-02T15:04:05.999999999Z07:00": cannot parse ${shown} as "2006"`;
}

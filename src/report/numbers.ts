/** Numbers as people read them. Pure. */

/** `12k`, `1.5M`, `0.2`: short enough for an axis. */
export function shortNumber(value: number): string {
  const format = (scaled: number): string => String(Number(scaled.toPrecision(3)));
  const size = Math.abs(value);
  // What rounds to 1000 of the smaller unit is 1 of the larger.
  if (size >= 999.5e6) return `${format(value / 1e9)}G`;
  if (size >= 999.5e3) return `${format(value / 1e6)}M`;
  return size >= 999.5 ? `${format(value / 1e3)}k` : format(value);
}

/** `12,345`, `0.213`: three digits at least, and all of a whole number. */
export function fullNumber(value: number): string {
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString('en-US', digits);
}

/** Seconds since the start: `45 s`, `2:05`, `1:00:00`. */
export function clock(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const whole = Math.round(seconds);
  const two = (part: number): string => String(part).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, two(whole % 60)];
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${two(minutes)}:${rest}`;
}

/** Sets of numbers that lie close together, as ranges: `5-9,12`. Pure; a set is never changed, only replaced. */

/** First and last, both of them in it. */
export type Range = readonly [first: number, last: number];
/** In order, and neither overlapping nor touching. */
export type Ranges = readonly Range[];

export const NO_RANGES: Ranges = [];

export function hasNumber(ranges: Ranges, number: number): boolean {
  // Asked for each job that comes, of hundreds of ranges where many jobs have died.
  let from = 0;
  let to = ranges.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const [first, last] = ranges[middle]!;
    if (number > last) from = middle + 1;
    else if (number < first) to = middle;
    else return true;
  }
  return false;
}

export function addRange(ranges: Ranges, [first, last]: Range): Ranges {
  if (first > last) return ranges;
  const before = ranges.filter((each) => each[1] < first - 1);
  const after = ranges.filter((each) => each[0] > last + 1);
  const touched = ranges.slice(before.length, ranges.length - after.length);
  const joined: Range = [
    Math.min(first, touched[0]?.[0] ?? first),
    Math.max(last, touched.at(-1)?.[1] ?? last),
  ];
  return [...before, joined, ...after];
}

export function removeNumber(ranges: Ranges, number: number): Ranges {
  return ranges.flatMap(([first, last]): Range[] => {
    if (number < first || number > last) return [[first, last]];
    const parts: Range[] = [
      [first, number - 1],
      [number + 1, last],
    ];
    return parts.filter(([from, to]) => from <= to);
  });
}

/** Those below `number`. */
export function before(ranges: Ranges, number: number): Ranges {
  return ranges
    .filter(([first]) => first < number)
    .map(([first, last]): Range => [first, Math.min(last, number - 1)]);
}

/** How many numbers there are in it. */
export function countNumbers(ranges: Ranges): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** No more than `most` ranges: the lowest are joined, with the numbers between them. */
export function joinLowest(ranges: Ranges, most: number): Ranges {
  const over = ranges.length - most;
  if (over <= 0) return ranges;
  return [[ranges[0]![0], ranges[over]![1]], ...ranges.slice(over + 1)];
}

export function toRanges(numbers: Iterable<number>): Ranges {
  let ranges = NO_RANGES;
  for (const number of numbers) ranges = addRange(ranges, [number, number]);
  return ranges;
}

/** Each checkpoint says the same ones as the one before, but where a job has died meanwhile. */
const texts = new WeakMap<Ranges, string>();

export function rangesText(ranges: Ranges): string {
  let text = texts.get(ranges);
  if (text === undefined) {
    text = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
    texts.set(ranges, text);
  }
  return text;
}

/** Reads what `rangesText` wrote. */
export function parseRanges(text: string): Ranges {
  if (text === '') return NO_RANGES;
  return text.split(',').map((part): Range => {
    const [first, last = first] = part.split('-').map(Number);
    return [first!, last!];
  });
}

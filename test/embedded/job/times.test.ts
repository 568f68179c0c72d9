import { expect, it } from 'vitest';
import { formatTime, parseTime } from '../../../src/embedded/job/times.ts';

it('writes UTC', () => {
  expect(formatTime(Date.UTC(2030, 0, 31, 9, 5, 7, 8))).toBe('2030-01-31T09:05:07.008Z');
});

it.each([
  ['2030-01-31T09:00:00Z', Date.UTC(2030, 0, 31, 9)],
  ['2030-01-31T09:00:00.1234567Z', Date.UTC(2030, 0, 31, 9, 0, 0, 123)],
  ['2030-01-31T09:00:00+02:30', Date.UTC(2030, 0, 31, 6, 30)],
  ['2030-01-31T09:00:00-02:30', Date.UTC(2030, 0, 31, 11, 30)],
  ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ['1969-12-31T23:59:59Z', -1000],
])('reads %s', (text, ms) => {
  expect(parseTime(text)).toBe(ms);
});

it('reads the first years of the calendar as they are', () => {
  expect(parseTime('0001-01-01T00:00:00Z')).toBe(Date.parse('0001-01-01T00:00:00Z'));
});

it.each([
  '',
  'soon',
  '2030-01-31',
  '2030-01-31T09:00:00',
  '2030-01-31 09:00:00Z',
  '2030-01-31t09:00:00z',
  '2030-01-31T09:00:00+0200',
  '2030-02-29T00:00:00Z',
  '2030-04-31T00:00:00Z',
  '2030-13-01T00:00:00Z',
  '2030-00-01T00:00:00Z',
  '2030-01-00T00:00:00Z',
  '2030-01-01T24:00:00Z',
  '2030-01-01T00:60:00Z',
  '2030-01-01T00:00:60Z',
  '2030-01-01T00:00:00.Z',
  '2030-01-01T00:00:00+25:00',
  '2030-01-01T00:00:00+01:60',
  '2030-01-01T00:00:00Z\n',
])('takes %j for no time', (text) => {
  expect(parseTime(text)).toBe(undefined);
});

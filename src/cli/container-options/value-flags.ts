import { parseDuration } from '#base/durations.ts';
import { parseMemorySize } from '#syntax/memory-size.ts';
import { type Flag, type FlagOptions, valueFlag } from '../flag.ts';

/** Bytes, as `512m`; with `unlimited`, -1 too. */
export function memoryFlag(
  summary: string,
  options: FlagOptions & { readonly unlimited?: boolean } = {},
): Flag<number | undefined> {
  const { unlimited = false, ...rest } = options;
  const parse = (text: string): number => (unlimited && text === '-1' ? -1 : parseMemorySize(text));
  return valueFlag(summary, parse, { type: 'bytes', ...rest });
}

/** Nanoseconds, as `1m30s`. */
export function durationFlag(summary: string): Flag<number | undefined> {
  return valueFlag(summary, (text) => Number(parseDuration(text)), { type: 'duration' });
}

/** Billionths of a CPU, as `1.5`. */
export function cpusFlag(summary: string): Flag<number | undefined> {
  return valueFlag(summary, parseCpus, { type: 'decimal' });
}

function parseCpus(text: string): number {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  if (!match || text === '' || text === '.') throw new Error(`failed to parse ${text} as a rational number`);
  const [, whole = '', fraction = ''] = match;
  if (fraction.length > 9) throw new Error('value is too precise');
  return Number(whole) * 1e9 + Number(fraction.padEnd(9, '0'));
}

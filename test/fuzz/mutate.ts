/** Input that is nearly right: what was valid, changed in a few places. */
import type { Random } from './random.ts';

/** What programs that read text forget. */
const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\n',
  '-',
  '-1',
  '0',
  '.',
  '..',
  '/',
  '//',
  '../../../../etc/passwd',
  '%00',
  '%',
  '${x',
  '[',
  '(a+)+$',
  '*'.repeat(40),
  ':',
  '::',
  '=',
  ',',
  '\\',
  '"',
  'null',
  '__proto__',
  'constructor',
  'é',
  '💥',
  '\ud800',
  '9'.repeat(30),
  '1e309',
  'a'.repeat(5000),
];

const HOSTILE_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e308,
  [],
  {},
  [[]],
  [null],
  { '': null },
  { a: { b: { c: [] } } },
];

/** Some changes; at least one. */
function changes(random: Random): number {
  return 1 + random.below(random.oneIn(4) ? 8 : 2);
}

export function mutateText(random: Random, sample: string): string {
  let text = sample;
  for (let left = changes(random); left > 0; left--) {
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + random.below(6));
    const added = random.pick([
      '',
      random.pick(HOSTILE_TEXTS),
      text.slice(at, end).repeat(2),
      String.fromCharCode(random.below(random.oneIn(3) ? 0xffff : 128)),
    ]);
    text = text.slice(0, at) + added + text.slice(end);
  }
  return text;
}

export function mutateBytes(random: Random, sample: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(sample);
  for (let left = changes(random); left > 0; left--) bytes = changeBytes(random, bytes);
  return bytes;
}

function changeBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const length = random.below(random.oneIn(4) ? 2000 : 8);
  const part = bytes.subarray(at, at + length);
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
    case 4:
      part.fill(random.pick([0, 0xff, 0x80, 0x7f, 0x20]));
      return bytes;
    default:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
  }
}

export interface JsonMutation {
  /** Texts of these fields may only become other whole texts: what they could lead to is not for trying. */
  readonly whole?: ReadonlySet<string>;
}

/** The same document with some of its values replaced, removed or moved. */
export function mutateJson(random: Random, sample: unknown, options: JsonMutation = {}): unknown {
  let value: unknown = structuredClone(sample);
  for (let left = changes(random); left > 0; left--) value = changeValue(random, value, options, '');
  return value;
}

function changeValue(random: Random, value: unknown, options: JsonMutation, field: string): unknown {
  if (Array.isArray(value) && value.length > 0 && !random.oneIn(8))
    return changeItem(random, value, options, field);
  if (isRecord(value) && Object.keys(value).length > 0 && !random.oneIn(12))
    return changeField(random, value, options, field);
  if (typeof value === 'string' && random.oneIn(2) && !options.whole?.has(field))
    return mutateText(random, value);
  return random.oneIn(2) ? random.pick(HOSTILE_TEXTS) : random.pick(HOSTILE_VALUES);
}

function changeItem(random: Random, items: unknown[], options: JsonMutation, field: string): unknown[] {
  const at = random.below(items.length);
  if (random.oneIn(8)) return [...items, items[at]];
  if (random.oneIn(8)) return items.toSpliced(at, 1);
  return items.with(at, changeValue(random, items[at], options, field));
}

function changeField(
  random: Random,
  record: Readonly<Record<string, unknown>>,
  options: JsonMutation,
  outer: string,
): Readonly<Record<string, unknown>> {
  const name = random.pick(Object.keys(record));
  const { [name]: value, ...rest } = record;
  if (random.oneIn(12)) return rest;
  const isWhole = options.whole?.has(outer);
  if (random.oneIn(12) && !isWhole) return { ...rest, [mutateText(random, name)]: value };
  return { ...record, [name]: changeValue(random, value, options, isWhole ? outer : name) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const BLOCK = 512;

/** A tar with changes whose headers have right checksums mostly, so that what is behind them is read. */
export function mutateTar(random: Random, sample: Buffer): Buffer {
  const tar = Buffer.from(sample);
  for (let left = changes(random); left > 0; left--) {
    const header = random.pick(headersOf(tar));
    const [start, length] = random.pick(FIELDS);
    const field = tar.subarray(header + start, header + start + length);
    if (random.oneIn(3)) random.bytes(1 + random.below(length)).copy(field);
    else if (random.oneIn(2))
      field.write(random.pick(HOSTILE_TEXTS).slice(0, length).padEnd(length, '\0'), 'latin1');
    else field.fill(random.pick([0, 0x20, 0x30, 0x37, 0x80, 0xff]));
    if (!random.oneIn(10)) refreshChecksum(tar.subarray(header, header + BLOCK));
  }
  return random.oneIn(3) ? mutateBytes(random, tar) : tar;
}

/** Name, mode, uid, gid, size, time, type, link, magic, device, prefix. */
const FIELDS: readonly (readonly [start: number, length: number])[] = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [124, 12],
  [136, 12],
  [156, 1],
  [156, 1],
  [157, 100],
  [257, 8],
  [329, 16],
  [345, 155],
];

function headersOf(tar: Buffer): readonly number[] {
  const headers: number[] = [];
  for (let at = 0; at + BLOCK <= tar.length; at += BLOCK)
    if (tar.toString('latin1', at + 257, at + 262) === 'ustar') headers.push(at);
  return headers.length > 0 ? headers : [0];
}

function refreshChecksum(header: Buffer): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

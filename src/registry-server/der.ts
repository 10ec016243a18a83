/** Writing ASN.1 values in the distinguished encoding (X.690), as far as certificates need it. */

const TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export function der(tag: keyof typeof TAGS | number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(typeof tag === 'number' ? tag : TAGS[tag]), lengthOf(body.length), body]);
}

/** `[n]` around a value. */
export function tagged(number: number, ...content: readonly Uint8Array[]): Buffer {
  return der(0xa0 | number, ...content);
}

/** `[n] IMPLICIT`, of a primitive value. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return der(0x80 | number, content);
}

/** Encodes an integer that is not negative, most significant byte first. */
export function derInteger(bytes: Uint8Array): Buffer {
  return der('integer', (bytes[0] ?? 0) & 0x80 ? Buffer.of(0) : Buffer.alloc(0), bytes);
}

/** @param dotted `2.5.29.17` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der('objectIdentifier', Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  return der('bitString', Buffer.of(unusedBits), content);
}

/** A time to the second, in UTC. */
export function generalizedTime(date: Date): Buffer {
  return der('generalizedTime', Buffer.from(`${date.toISOString().replace(/[-T:]|\..*/g, '')}Z`));
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

function base128(value: number): readonly number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}

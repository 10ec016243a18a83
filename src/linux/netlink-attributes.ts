import { EngineError } from '#base/errors.ts';

/** One netlink attribute (netlink(7)): a type and a payload, which may be attributes again. */
export type Attribute = readonly [type: number, value: Buffer | readonly Attribute[]];

/** Set in the type of an attribute that holds attributes. */
const NLA_F_NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const HEADER_SIZE = 4;

/** Netlink aligns everything to four bytes. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** Encodes attributes; numbers are in the machine's order, which is little-endian everywhere we run. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(attributes.map(encodeAttribute));
}

function encodeAttribute([type, value]: Attribute): Buffer {
  const nested = !Buffer.isBuffer(value);
  const payload = nested ? encodeAttributes(value) : value;
  const buffer = Buffer.alloc(align(HEADER_SIZE + payload.length));
  buffer.writeUInt16LE(HEADER_SIZE + payload.length, 0);
  buffer.writeUInt16LE(nested ? type | NLA_F_NESTED : type, 2);
  payload.copy(buffer, HEADER_SIZE);
  return buffer;
}

/**
 * Decodes one level; nested attributes are decoded by another call. Views, not copies.
 *
 * @param wanted types; by default all. Of a link there are some sixty.
 */
export function decodeAttributes(buffer: Buffer, wanted?: ReadonlySet<number>): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  let offset = 0;
  while (offset + HEADER_SIZE <= buffer.length) {
    const length = buffer.readUInt16LE(offset);
    if (length < HEADER_SIZE) break;
    const type = buffer.readUInt16LE(offset + 2) & TYPE_MASK;
    if (wanted?.has(type) ?? true) {
      attributes.set(type, buffer.subarray(offset + HEADER_SIZE, offset + length));
    }
    offset += align(length);
  }
  return attributes;
}

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
}

/** A text with the zero at its end that the kernel expects. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

export function decodeText(buffer: Buffer): string {
  const end = buffer.indexOf(0);
  return buffer.toString('utf8', 0, end < 0 ? buffer.length : end);
}

/** `02:42:0a:00:00:02` as six bytes. */
export function macBytes(address: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(address)) {
    throw new EngineError('invalid', `Cannot use MAC address ${address}: not six hexadecimal bytes`);
  }
  return Buffer.from(address.replaceAll(':', ''), 'hex');
}

export function formatMac(bytes: Buffer): string {
  return bytes.toString('hex').replace(/(..)(?!$)/g, '$1:');
}

/** The data types of SSH: lengths of four bytes, big-endian, before what they count (RFC 4251, section 5). */
import { EngineError } from '../errors.ts';

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A `string` of the agent's protocol. */
export function field(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** `mpint` of a number that is not negative. @param bytes big-endian */
export function numberField(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? new Uint8Array() : bytes.subarray(first);
  const isHigh = (digits[0] ?? 0) >= 0x80;
  return field(isHigh ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

/** Reads one after the other. @throws {EngineError} `invalid` where there is less than is said */
export class FieldReader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE();
  }

  field(): Buffer {
    return this.bytes(this.uint32());
  }

  text(): string {
    return this.field().toString();
  }

  bytes(length: number): Buffer {
    if (length > this.#rest.length) throw new EngineError('invalid', 'Cannot read SSH data: it ends early');
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }
}

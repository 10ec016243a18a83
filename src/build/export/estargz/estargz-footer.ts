/** The end of an eStargz layer. */

export const FOOTER_BYTES = 51;

/** An empty gzip member, uncompressed, whose extra field has the place of the table (RFC 1952). */
export function estargzFooter(tocOffset: number): Buffer {
  const field = Buffer.from(`${tocOffset.toString(16).padStart(16, '0')}STARGZ`);
  const header = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]);
  const extra = Buffer.from([field.length + 4, 0, 0x53, 0x47, field.length, 0]);
  const emptyBlock = Buffer.from([1, 0, 0, 0xff, 0xff]);
  return Buffer.concat([header, extra, field, emptyBlock, Buffer.alloc(8)]);
}

/** Where the table is; undefined for other bytes. */
export function tocOffsetIn(footerBytes: Buffer): number | undefined {
  const [, digits] = /^([0-9a-f]{16})STARGZ$/.exec(footerBytes.toString('latin1', 16, 38)) ?? [];
  const offset = digits === undefined ? -1 : Number.parseInt(digits, 16);
  return offset >= 0 && estargzFooter(offset).equals(footerBytes) ? offset : undefined;
}

/** Compression formats, told by their first bytes. */
export type CompressionFormat = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

/** Bytes that {@link detectCompression} needs to see. */
export const COMPRESSION_MAGIC_BYTES = 6;

const MAGICS: readonly [CompressionFormat, readonly number[]][] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** What `head`, the start of a file, is compressed with; RFC 1952, RFC 8878, the xz and bzip2 formats. */
export function detectCompression(head: Uint8Array): CompressionFormat {
  const found = MAGICS.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  return found ? found[0] : 'none';
}

const BLOCK = 512;

/** The entries of an archive, one line each: type, mode, owner, size and name. */
export function listTar(archive: Buffer): readonly string[] {
  const lines: string[] = [];
  for (let offset = 0; offset + BLOCK <= archive.length; ) {
    const header = archive.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const text = (start: number, length: number) =>
      header.toString('latin1', start, start + length).replace(/\0.*$/s, '');
    const octal = (start: number, length: number) => Number.parseInt(text(start, length).trim() || '0', 8);
    const size = octal(124, 12);
    const type = text(156, 1) || '0';
    const link = text(157, 100);
    // Records of the format itself, such as long names, are no entries.
    if (type !== 'x' && type !== 'g') {
      const mode = octal(100, 8).toString(8);
      lines.push(`${type} ${mode} ${octal(108, 8)}:${octal(116, 8)} ${size} ${text(0, 100)} ${link}`.trim());
    }
    offset += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return lines;
}

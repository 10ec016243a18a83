import { fstatSync, readSync } from 'node:fs';
import { TarParser } from '#oci/tar-reader.ts';
import type { LayerTree } from './layer-tree.ts';
import { LayerTreeBuilder } from './layer-tree-builder.ts';
import { layerError } from './layer-errors.ts';

/** Headers lie close together where files are small; what is skipped is not read. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads the headers of an uncompressed tar file and validates all of them. Blocks: for worker threads.
 *
 * @throws {EngineError} `invalid` if the archive is hostile, malformed, cut short or has too many members
 */
export function scanTar(fd: number, limits: { readonly maximumEntries: number }): LayerTree {
  const parser = new TarParser(limits);
  const builder = new LayerTreeBuilder(limits.maximumEntries);
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let position = 0;
  for (;;) {
    const length = readSync(fd, chunk, 0, CHUNK_BYTES, position);
    if (length === 0) break;
    position += length;
    parser.push(chunk.subarray(0, length));
    for (let event = parser.next(); event; event = parser.next()) {
      if (event.kind !== 'entry') continue;
      builder.add(event.entry, parser.offset);
      position += parser.skipData();
    }
    if (parser.ended) break;
  }
  parser.finish();
  if (position > fstatSync(fd).size) {
    throw layerError('tar-damaged', { details: { problem: 'unexpected EOF' } });
  }
  return builder.finish();
}

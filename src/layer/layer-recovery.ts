import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import { type LayerRecord, readLayerRecord } from './layer-directory.ts';

/**
 * Finds the layers of a store's directory, deletes staging and trash, and sets aside layers that have lost their
 * record.
 */
export function recoverLayers(
  rootDirectory: string,
  lost: LostAndFound,
  logger: Logger,
): Map<Digest, LayerRecord> {
  const layers = new Map<Digest, LayerRecord>();
  for (const name of readdirSync(rootDirectory)) {
    const path = join(rootDirectory, name);
    const digest = `sha256:${name}`;
    const record = isDigest(digest) ? readLayerRecord(path) : undefined;
    if (record?.diffId === digest) layers.set(record.diffId, record);
    else if (isDigest(digest)) lost.take('layer', path, 'a layer without a record');
    else discard(path, logger);
  }
  return layers;
}

function discard(path: string, logger: Logger): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!isErrno(error, 'EBUSY')) throw error;
    logger.warn('Cannot clear a half-done layer', { path, error });
  }
}

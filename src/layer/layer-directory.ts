/** What a layer looks like on disk: `ROOT/layers/HEX/` with its record and either tar and index, or a directory. */
import { readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest } from '#oci/digest.ts';
import type { LayerFacts } from './layer-damage.ts';
import type { Layer } from './layer.ts';

export interface LayerPaths {
  readonly record: string;
  /** The uncompressed tar: `erofs` only. */
  readonly tar: string;
  readonly index: string;
  /** The extracted tree: `directory` only. */
  readonly directory: string;
}

export function layerPaths(path: string): LayerPaths {
  return {
    record: join(path, 'record'),
    tar: join(path, 'layer.tar'),
    index: join(path, 'layer.erofs'),
    directory: join(path, 'fs'),
  };
}

/** What is known of a layer on disk. */
export interface LayerRecord extends Layer {
  /** Of EROFS layers only, and not of those that were unpacked by versions up to commit 4083e96. */
  readonly facts?: LayerFacts;
}

/**
 * The record is the target of a symbolic link that leads nowhere: unlike the content of a file it is durable together
 * with the directory that it is in, and costs no sync of its own.
 */
export function writeLayerRecord(path: string, record: LayerRecord): void {
  symlinkSync(JSON.stringify(record), layerPaths(path).record);
}

/** The record of a layer, undefined if there is none that makes sense. */
export function readLayerRecord(path: string): LayerRecord | undefined {
  try {
    const record: unknown = JSON.parse(readlinkSync(layerPaths(path).record, 'utf8'));
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is LayerRecord {
  const { diffId, blob, kind, sizeBytes, compression } = (value ?? {}) as Partial<
    Record<keyof Layer, unknown>
  >;
  return (
    typeof diffId === 'string' &&
    isDigest(diffId) &&
    typeof blob === 'string' &&
    isDigest(blob) &&
    (kind === 'erofs' || kind === 'directory') &&
    typeof sizeBytes === 'number' &&
    (compression === 'none' || compression === 'gzip' || compression === 'zstd')
  );
}

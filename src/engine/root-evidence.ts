import { join } from 'node:path';
import { BLOBS } from '#store/file-content-store.ts';
import { hasData } from '#store/lost-metadata.ts';
import type { EngineDirectories } from './directories.ts';
import { hasContainers } from './run-lock.ts';

/** What only the metadata can tell about. Volumes are not part of it: they tell for themselves, and are found again. */
export function metadataEvidence(directories: EngineDirectories): readonly string[] {
  const { content, layers, snapshots, containers, run } = directories;
  const found = [join(content, BLOBS), layers, snapshots, containers].filter(hasData);
  return hasContainers(run) ? [...found, `containers that run in ${run}`] : found;
}

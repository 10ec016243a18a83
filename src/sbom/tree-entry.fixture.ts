import type { TreeEntry } from './sbom.ts';

const REGULAR = 0o100000;

export function regularFile(path: string, sizeBytes: number, mode = 0o644): TreeEntry {
  return { path, sizeBytes, mode: REGULAR | mode };
}

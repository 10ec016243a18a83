/** The trees of several platforms side by side, with what is claimed about each as files. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { FileEntry, FileTree } from '../session/build-session.ts';
import { comparePaths, directoryEntry, fileEntry, REGULAR } from './export-tree.ts';
import type { Attestation, Subject } from './outcome.ts';
import { statementOf } from './pack/pack-attestations.ts';

/** The tree of one platform. */
export interface TreePart {
  readonly tree: FileTree;
  /** `linux_amd64`. */
  readonly name: string;
  readonly attestations: readonly Attestation[];
}

export interface CombineOptions {
  /** A directory for each part, named after it; otherwise all go into one. */
  readonly isSplit: boolean;
  readonly attestationPrefix: string;
  /** The time of entries that the trees do not have themselves. */
  readonly modifiedNs: bigint;
}

/** @throws {EngineError} `invalid`, while it is read, for files that two parts have and that may differ */
export function combineTrees(parts: readonly TreePart[], options: CombineOptions): FileTree {
  const sources = new Map<FileEntry, () => Readable>();
  return {
    entries: () => entriesOf(parts, options, sources),
    contents: (entry) => sources.get(entry)?.() ?? Readable.from([]),
  };
}

async function* entriesOf(
  parts: readonly TreePart[],
  options: CombineOptions,
  sources: Map<FileEntry, () => Readable>,
): AsyncGenerator<FileEntry, void> {
  if (options.isSplit) {
    for (const part of parts.toSorted((a, b) => comparePaths(a.name, b.name))) {
      yield directoryEntry(part.name, options.modifiedNs);
      yield* partEntries(part, `${part.name}/`, options, sources);
    }
    return;
  }
  const [only, ...others] = parts;
  if (only && others.length === 0) yield* partEntries(only, '', options, sources);
  else yield* mergedEntries(parts, options, sources);
}

async function* partEntries(
  part: TreePart,
  prefix: string,
  options: CombineOptions,
  sources: Map<FileEntry, () => Readable>,
): AsyncGenerator<FileEntry, void> {
  const claims = await claimsOf(part, '', options);
  for await (const entry of part.tree.entries()) {
    for (const claim of claims.splice(0, countBefore(claims, entry.path)))
      yield claimEntry(claim, prefix, options, sources);
    const moved = prefix === '' ? entry : withPrefix(entry, prefix);
    sources.set(moved, () => part.tree.contents(entry));
    yield moved;
  }
  for (const claim of claims) yield claimEntry(claim, prefix, options, sources);
}

/** Puts everything into one directory. The entries are held until they are sorted. */
async function* mergedEntries(
  parts: readonly TreePart[],
  options: CombineOptions,
  sources: Map<FileEntry, () => Readable>,
): AsyncGenerator<FileEntry, void> {
  const byPath = new Map<string, FileEntry>();
  for (const part of parts) {
    for (const claim of await claimsOf(part, `.${part.name}`, options))
      byPath.set(claim.path, claimEntry(claim, '', options, sources));
    for await (const entry of part.tree.entries()) {
      const before = byPath.get(entry.path);
      if (before && !(isDirectory(before) && isDirectory(entry)))
        throw new EngineError(
          'invalid',
          `Cannot export files: ${entry.path} is made for more than one platform; use platform-split`,
        );
      if (before) continue;
      byPath.set(entry.path, entry);
      sources.set(entry, () => part.tree.contents(entry));
    }
  }
  yield* [...byPath.values()].toSorted((a, b) => comparePaths(a.path, b.path));
}

function isDirectory({ mode }: FileEntry): boolean {
  return (mode & 0o170000) === 0o040000;
}

function withPrefix(entry: FileEntry, prefix: string): FileEntry {
  const isHardLink = (entry.mode & 0o170000) === REGULAR && entry.linkName !== '';
  const linkName = isHardLink ? `${prefix}${entry.linkName}` : entry.linkName;
  return { ...entry, path: `${prefix}${entry.path}`, linkName };
}

interface Claim {
  readonly path: string;
  readonly bytes: Buffer;
}

async function claimsOf(
  { tree, attestations }: TreePart,
  suffix: string,
  { attestationPrefix }: CombineOptions,
): Promise<Claim[]> {
  if (attestations.length === 0) return [];
  const subjects = await subjectsOf(tree);
  const claims = attestations.map((attestation) => {
    const [, stem = '', extension = ''] = /^(.*?)(\.[^.]*)?$/.exec(attestation.fileName) ?? [];
    const bytes = Buffer.from(JSON.stringify(statementOf(attestation, subjects), undefined, 2));
    return { path: `${attestationPrefix}${stem}${suffix}${extension}`, bytes };
  });
  return claims.toSorted((a, b) => comparePaths(a.path, b.path));
}

/** Every file is a subject. */
async function subjectsOf(tree: FileTree): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  for await (const entry of tree.entries()) {
    if ((entry.mode & 0o170000) !== REGULAR) continue;
    const hash = createHash('sha256');
    for await (const chunk of tree.contents(entry) as AsyncIterable<Buffer>) hash.update(chunk);
    subjects.push({ name: entry.path, digest: { sha256: hash.digest('hex') } });
  }
  return subjects;
}

function countBefore(claims: readonly Claim[], path: string): number {
  return claims.filter((claim) => comparePaths(claim.path, path) < 0).length;
}

function claimEntry(
  { path, bytes }: Claim,
  prefix: string,
  { modifiedNs }: CombineOptions,
  sources: Map<FileEntry, () => Readable>,
): FileEntry {
  const entry = fileEntry(`${prefix}${path}`, bytes.length, modifiedNs, 0o600);
  sources.set(entry, () => Readable.from([bytes], { objectMode: false }));
  return entry;
}

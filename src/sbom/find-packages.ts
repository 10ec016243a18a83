/**
 * What is installed in a root file system, as its package managers and the builders of its programs have written it
 * down.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError, isEngineError } from '#base/errors.ts';
import { APK } from './apk.ts';
import { DPKG } from './dpkg.ts';
import { EXECUTABLES } from './executables.ts';
import { GEMS } from './gems.ts';
import { JARS } from './jars.ts';
import { NPM } from './npm.ts';
import { PYTHON } from './python.ts';
import { RPM_BERKELEY, RPM_NDB, RPM_SQLITE } from './rpm.ts';
import { type OsRelease, parseOsRelease } from './os-release.ts';
import type { PackageSource } from './package-file.ts';
import type { FoundPackages, PackageEntry, PackageTree, TreeEntry } from './sbom.ts';

const SOURCES: readonly PackageSource[] = [
  DPKG,
  APK,
  RPM_SQLITE,
  RPM_NDB,
  RPM_BERKELEY,
  NPM,
  PYTHON,
  GEMS,
  JARS,
  EXECUTABLES,
];
const TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
/** The entries that are looked at before the event loop has its turn. */
const AT_ONCE = 500;

const OS_RELEASE = ['etc/os-release', 'usr/lib/os-release'];
const OS_RELEASE_BYTES = 1 << 20;

export async function findPackages(tree: PackageTree): Promise<FoundPackages> {
  const files = await filesOfInterest(tree);
  const release = await osRelease(tree, files);
  const packages = new Map<string, PackageEntry>();
  const unread: string[] = [];
  for (const entry of files.values()) {
    const source = SOURCES.find((known) => known.matches(entry));
    if (!source) continue;
    try {
      for (const found of await readSource(tree, files, { entry, source, release }))
        if (!packages.has(found.purl)) packages.set(found.purl, found);
    } catch (error) {
      if (!isEngineError(error, 'invalid')) throw error;
      unread.push(`/${entry.path}: ${error.message}`);
    }
  }
  return { packages: [...packages.values()].toSorted((a, b) => (a.purl < b.purl ? -1 : 1)), unread };
}

/** The files that may name packages, and files beside databases. */
async function filesOfInterest(tree: PackageTree): Promise<ReadonlyMap<string, TreeEntry>> {
  const files = new Map<string, TreeEntry>();
  let count = 0;
  for await (const entry of tree.entries()) {
    if ((entry.mode & TYPE_MASK) === REGULAR && isOfInterest(entry)) files.set(entry.path, entry);
    if (++count % AT_ONCE === 0) await turn();
  }
  return files;
}

function isOfInterest(entry: TreeEntry): boolean {
  const { path } = entry;
  if (OS_RELEASE.includes(path) || path.endsWith('-wal')) return true;
  return SOURCES.some((source) => source.matches(entry));
}

async function readSource(
  tree: PackageTree,
  files: ReadonlyMap<string, TreeEntry>,
  found: { readonly entry: TreeEntry; readonly source: PackageSource; readonly release: OsRelease },
): Promise<readonly PackageEntry[]> {
  const { entry, source, release } = found;
  const { path, sizeBytes } = entry;
  if (sizeBytes > source.maximumBytes) throw tooLarge(source.maximumBytes);
  await using file = await tree.open(entry);
  return await source.read({
    source: `/${path}`,
    sizeBytes,
    release,
    read: (offset, lengthBytes) => file.read(offset, lengthBytes),
    besides: async (suffix) => {
      const other = files.get(path + suffix);
      return other ? await contents(tree, other, source.maximumBytes) : Buffer.alloc(0);
    },
  });
}

async function osRelease(tree: PackageTree, files: ReadonlyMap<string, TreeEntry>): Promise<OsRelease> {
  const [entry] = OS_RELEASE.flatMap((path) => files.get(path) ?? []);
  return entry ? parseOsRelease((await contents(tree, entry, OS_RELEASE_BYTES)).toString()) : {};
}

async function contents(tree: PackageTree, entry: TreeEntry, maximumBytes: number): Promise<Buffer> {
  await using file = await tree.open(entry);
  return await file.read(0, Math.min(entry.sizeBytes, maximumBytes));
}

function tooLarge(maximumBytes: number): EngineError {
  return new EngineError('invalid', `it is larger than ${maximumBytes} bytes`);
}

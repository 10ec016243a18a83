/** What is installed in a root file system, as its package managers have written it down. */
import { setImmediate as turn } from 'node:timers/promises';
import type { FileEntry, FileTree } from '../../build-session.ts';
import { apkPackages } from './apk.ts';
import { dpkgPackages } from './dpkg.ts';
import { npmPackages } from './npm.ts';
import { type OsRelease, type PackageEntry, parseOsRelease } from './package-entry.ts';

const DATABASE_BYTES = 256 << 20;
const TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
/** Entries that are looked at before others have their turn. */
const AT_ONCE = 500;

const OS_RELEASE = ['etc/os-release', 'usr/lib/os-release'];

/** Sorted by package URL, each once. */
export async function findPackages(tree: FileTree): Promise<readonly PackageEntry[]> {
  const files: FileEntry[] = [];
  let count = 0;
  for await (const entry of tree.entries()) {
    if (isDatabase(entry)) files.push(entry);
    if (++count % AT_ONCE === 0) await turn();
  }
  const release = await osRelease(tree, files);
  const packages = new Map<string, PackageEntry>();
  for (const file of files)
    for (const found of packagesIn(await contents(tree, file), file.path, release))
      if (!packages.has(found.purl)) packages.set(found.purl, found);
  return [...packages.values()].toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
}

function isDatabase({ path, mode, sizeBytes }: FileEntry): boolean {
  if ((mode & TYPE_MASK) !== REGULAR || sizeBytes > DATABASE_BYTES) return false;
  return OS_RELEASE.includes(path) || kindOf(path) !== undefined;
}

function kindOf(path: string): 'dpkg' | 'apk' | 'npm' | undefined {
  if (path === 'var/lib/dpkg/status') return 'dpkg';
  if (/^var\/lib\/dpkg\/status\.d\/[^/]+$/.test(path) && !path.endsWith('.md5sums')) return 'dpkg';
  if (path === 'lib/apk/db/installed' || path === 'usr/lib/apk/db/installed') return 'apk';
  return /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|node_modules\/\.package-lock\.json)$/.test(path)
    ? 'npm'
    : undefined;
}

function packagesIn(bytes: Buffer, path: string, release: OsRelease): readonly PackageEntry[] {
  const source = `/${path}`;
  switch (kindOf(path)) {
    case 'dpkg':
      return dpkgPackages(bytes.toString(), source, release);
    case 'apk':
      return apkPackages(bytes.toString(), source, release);
    case 'npm':
      return npmPackages(bytes, source);
    default:
      return [];
  }
}

async function osRelease(tree: FileTree, files: readonly FileEntry[]): Promise<OsRelease> {
  const file = files.find(({ path }) => OS_RELEASE.includes(path));
  return file ? parseOsRelease((await contents(tree, file)).toString()) : {};
}

async function contents(tree: FileTree, file: FileEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of tree.contents(file) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Dockerfiles of our own in `test/fixtures/dockerfiles`, and what an engine makes of them as plain text. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TarEntry } from '../../src/oci/tar-header.ts';
import { TarParser } from '../../src/oci/tar-reader.ts';

export const CORPUS = join(import.meta.dirname, '../fixtures/dockerfiles');

export type PeerName = 'buildkit' | 'classic' | 'podman';

/** `case.json`, beside the directory `context`. */
export interface CorpusCase {
  readonly name: string;
  /** Arguments of `docker build`; `{context}` is the context's path. */
  readonly args?: readonly string[];
  /** A script that makes in the context what git does not keep. */
  readonly make?: string;
  /** A Dockerfile whose image is named `base-of-CASE`. */
  readonly base?: string;
  /** The build fails with a text that matches. */
  readonly fails?: string;
  /** Absent: both. */
  readonly wires?: readonly ('classic' | 'buildkit')[];
  /** Other builders that can build it; absent: all of them. */
  readonly peers?: readonly PeerName[];
  /** Deliberate differences, with their reasons. */
  readonly differs?: Readonly<Partial<Record<PeerName, string>>>;
  readonly note?: string;
}

/** What is compared; lines of a tree are files that the base does not have as they are. */
export interface Built {
  readonly config: Readonly<Record<string, unknown>>;
  readonly history: readonly string[];
  readonly tree: readonly string[];
}

export function corpusCases(): readonly CorpusCase[] {
  return readdirSync(CORPUS).map((name) => {
    const path = join(CORPUS, name, 'case.json');
    return { ...(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}), name };
  });
}

const expectedPath = (name: string): string => join(CORPUS, name, 'expected.json');

export function expectedOf(name: string): Built {
  return JSON.parse(readFileSync(expectedPath(name), 'utf8'));
}

export function writeExpected(name: string, built: Built): void {
  writeFileSync(expectedPath(name), `${JSON.stringify(built, undefined, 2)}\n`);
}

/** A copy of the case's context with the same modes everywhere. */
export function prepareContext({ name, make }: CorpusCase, directory: string): string {
  const target = join(directory, name);
  mkdirSync(target);
  cpSync(join(CORPUS, name, 'context'), target, { recursive: true });
  setModes(target);
  if (make !== undefined) execFileSync('sh', ['-ec', `umask 022\n${make}`], { cwd: target, stdio: 'pipe' });
  return target;
}

function setModes(path: string): void {
  const isDirectory = statSync(path).isDirectory();
  chmodSync(path, isDirectory ? 0o755 : 0o644);
  if (isDirectory) for (const name of readdirSync(path)) setModes(join(path, name));
}

interface ManifestEntry {
  readonly Config: string;
  readonly Layers: readonly string[];
}

interface HistoryLine {
  readonly created_by?: string;
  readonly empty_layer?: boolean;
}

interface ImageConfig {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly history?: readonly HistoryLine[];
}

/** @param archive as `docker save` writes it */
export function describeImage(archive: Buffer, baseLayers = 1): Built {
  const files = new Map<string, Buffer>();
  for (const { entry, data } of membersOf(archive)) files.set(entry.path, data);
  const [manifest]: readonly ManifestEntry[] = JSON.parse(String(files.get('manifest.json')));
  const image: ImageConfig = JSON.parse(String(files.get(manifest?.Config ?? '')));
  const layers = (manifest?.Layers ?? []).map((name) => files.get(name) ?? Buffer.alloc(0));
  const isScratch = !treeOf(layers.slice(0, baseLayers)).has('bin/busybox');
  const base = isScratch ? new Map<string, string>() : treeOf(layers.slice(0, baseLayers));
  const tree = treeOf(layers);
  const history = (image.history ?? []).slice(isScratch ? 0 : baseLayers);
  return {
    config: plainConfig(image.config ?? {}),
    history: history.map(historyLine).filter((line) => !line.includes('ONBUILD ')),
    tree: [
      ...[...tree].filter(([path, line]) => base.get(path) !== line).map(([path, line]) => `${path} ${line}`),
      ...[...base.keys()].filter((path) => !tree.has(path)).map((path) => `${path} is gone`),
    ].toSorted(),
  };
}

/**
 * Commands and working directories that change nothing have no layer here; of health checks and ports BuildKit shows
 * how Go keeps them; of arguments newer ones show the value in force; triggers have lines of their own here.
 */
function historyLine({ created_by: text = '', empty_layer }: HistoryLine): string {
  if (/^(?:RUN|WORKDIR) /.test(text)) return text;
  const [keyword = ''] = text.split(' ', 1);
  if (keyword === 'HEALTHCHECK' || keyword === 'EXPOSE') return keyword;
  const told = keyword === 'ARG' ? text.replaceAll(/=\S*/g, '') : text;
  return `${empty_layer ? 'without a layer: ' : ''}${told}`;
}

const CONFIG_KEYS = [
  'Env',
  'Cmd',
  'Entrypoint',
  'WorkingDir',
  'User',
  'ExposedPorts',
  'Volumes',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'OnBuild',
];

function plainConfig(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const present = CONFIG_KEYS.flatMap((key) => {
    const value = key === 'Labels' ? withoutTools(config[key]) : config[key];
    const isEmpty = value === undefined || value === null || value === '' || isEmptyObject(value);
    return isEmpty ? [] : [[key, value] as const];
  });
  return Object.fromEntries(present);
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function withoutTools(labels: unknown): unknown {
  if (typeof labels !== 'object' || labels === null) return labels;
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== 'io.buildah.version'));
}

interface Node {
  readonly line: string;
  /** The name that a hard link repeats. */
  readonly linkedTo?: string;
}

/** Layers on each other, as OCI has them: a line for each path. */
function treeOf(layers: readonly Buffer[]): ReadonlyMap<string, string> {
  const tree = new Map<string, Node>();
  for (const layer of layers) applyLayer(tree, layer);
  return new Map(
    [...tree].map(([path, node]) => [
      path,
      node.linkedTo === undefined ? node.line : `${node.line} = ${firstName(tree, node.linkedTo, path)}`,
    ]),
  );
}

function applyLayer(tree: Map<string, Node>, layer: Buffer): void {
  const plain = layer[0] === 0x1f && layer[1] === 0x8b ? gunzipSync(layer) : layer;
  const added: [string, Node][] = [];
  const directories = new Set<string>();
  for (const { entry, data } of membersOf(plain)) {
    const path = cleanName(entry.path);
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (name === '.wh..wh..opq') removeBelow(tree, parent);
    else if (name.startsWith('.wh.'))
      removeAll(tree, parent === '' ? name.slice(4) : `${parent}/${name.slice(4)}`);
    else {
      if (entry.type === 'directory') directories.add(path);
      added.push([path, nodeOf(entry, data, new Map([...tree, ...added]))]);
    }
  }
  for (const [path, node] of added) {
    if (!directories.has(path)) removeBelow(tree, path);
    tree.set(path, node);
  }
}

const OLD_NS = BigInt(Date.UTC(2021, 0)) * 1_000_000n;

function nodeOf(entry: TarEntry, data: Buffer, before: ReadonlyMap<string, Node>): Node {
  const { type, mode, uid, gid, linkName, mtimeNs } = entry;
  if (type === 'hardlink') {
    const target = cleanName(linkName);
    return { line: before.get(target)?.line ?? 'broken', linkedTo: before.get(target)?.linkedTo ?? target };
  }
  const time =
    mtimeNs < OLD_NS && type !== 'directory'
      ? ` ${new Date(Number(mtimeNs / 1_000_000n)).toISOString()}`
      : '';
  const hash = createHash('sha256').update(data).digest('hex').slice(0, 8);
  const content = {
    file: ` ${data.length} ${hash}`,
    symlink: ` -> ${linkName}`,
    directory: '',
    fifo: '',
    character: ` ${entry.deviceMajor}:${entry.deviceMinor}`,
    block: ` ${entry.deviceMajor}:${entry.deviceMinor}`,
  }[type];
  return { line: `${type} ${mode.toString(8)} ${uid}:${gid}${content}${time}` };
}

/** Which name of a file comes first in an archive is chance. */
function firstName(tree: ReadonlyMap<string, Node>, linkedTo: string, path: string): string {
  const names = [...tree].flatMap(([name, node]) => (node.linkedTo === linkedTo ? [name] : []));
  const [first = ''] = [...names, ...(tree.has(linkedTo) ? [linkedTo] : [])].toSorted();
  return first === path ? linkedTo : first;
}

function removeAll(tree: Map<string, Node>, path: string): void {
  tree.delete(path);
  removeBelow(tree, path);
}

function removeBelow(tree: Map<string, Node>, path: string): void {
  for (const name of tree.keys()) if (name.startsWith(`${path}/`)) tree.delete(name);
}

function cleanName(path: string): string {
  return path.replace(/^(?:\.?\/)+|^\.$/, '').replace(/\/$/, '');
}

interface Member {
  readonly entry: TarEntry;
  readonly data: Buffer;
}

function membersOf(archive: Buffer): readonly Member[] {
  const parser = new TarParser();
  parser.push(archive);
  const members: Member[] = [];
  let entry: TarEntry | undefined;
  let chunks: Buffer[] = [];
  for (let event = parser.next(); event; event = parser.next()) {
    if (event.kind === 'entry') entry = event.entry;
    if (event.kind === 'data') chunks.push(event.data);
    if (event.kind !== 'entry-end' || !entry) continue;
    members.push({ entry, data: Buffer.concat(chunks) });
    chunks = [];
  }
  return members;
}

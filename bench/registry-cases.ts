/** Pull and push of an image of eight layers and 400 MB, half of it noise, against Debian's registry on loopback. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Case, command } from './cases.ts';
import type { Contender } from './engines.ts';
import { writeImageArchive } from './images.ts';

const ADDRESS = '127.0.0.1:5987';
const EIGHT = `${ADDRESS}/bench/eight:1`;
const SEVEN = `${ADDRESS}/bench/seven:1`;
const LAYERS = 8;
const FILES = 1200;

let registry: ChildProcess | undefined;

/** The registry and the images are made when the first case needs them, in the bench's directory. */
export const REGISTRY_CASES: readonly Case[] = isInstalled()
  ? [
      {
        name: 'push-400MB',
        runs: 3,
        cold: true,
        before: (c, { directory }) => {
          startRegistry(directory);
          loadAnew(c, directory);
        },
        run: (c) => void command(c, ['push', ...plainHttp(c), EIGHT]),
      },
      {
        name: 'push-400MB-again',
        runs: 3,
        run: (c) => void command(c, ['push', ...plainHttp(c), EIGHT]),
      },
      {
        name: 'pull-400MB',
        runs: 3,
        showsMemory: true,
        setUp: (c, { directory }) => pushSeven(c, directory),
        before: removeImages,
        run: (c) => void command(c, ['pull', ...plainHttp(c), EIGHT]),
      },
      {
        // Seven of its eight layers are here.
        name: 'pull-400MB-shared',
        runs: 3,
        before: (c) => void command(c, ['rmi', '-f', SEVEN], { check: false }),
        run: (c) => void command(c, ['pull', ...plainHttp(c), SEVEN]),
      },
      {
        name: 'rmi-400MB',
        runs: 3,
        before: (c) => {
          removeImages(c);
          command(c, ['pull', ...plainHttp(c), EIGHT]);
        },
        run: (c) => void command(c, ['rmi', EIGHT]),
        tearDown: (c) => {
          removeImages(c);
          registry?.kill();
          registry = undefined;
        },
      },
    ]
  : [];

function isInstalled(): boolean {
  return spawnSync('docker-registry', ['--version']).status === 0;
}

function plainHttp({ kind }: Contender): readonly string[] {
  return kind === 'podman' ? ['--tls-verify=false'] : [];
}

function removeImages(contender: Contender): void {
  command(contender, ['rmi', '-f', EIGHT, SEVEN], { check: false });
}

/** Nothing of what was compressed for an earlier push is left. */
function loadAnew(contender: Contender, directory: string): void {
  removeImages(contender);
  const archive = join(directory, 'eight.tar');
  if (!existsSync(archive))
    writeImageArchive(join(directory, 'eight'), archive, EIGHT, writeTrees(directory));
  command(contender, ['load', '-i', archive]);
}

/** The same image but for its last layer. */
function pushSeven(contender: Contender, directory: string): void {
  const archive = join(directory, 'seven.tar');
  if (!existsSync(archive)) {
    const trees = writeTrees(directory);
    const roots = [...trees.slice(0, -1), writeTree(join(directory, 'trees'), 'another')];
    writeImageArchive(join(directory, 'seven'), archive, SEVEN, roots);
  }
  command(contender, ['load', '-i', archive]);
  command(contender, ['push', ...plainHttp(contender), SEVEN]);
}

/** An empty registry. */
function startRegistry(directory: string): void {
  registry?.kill('SIGKILL');
  const root = join(directory, 'registry');
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: root } },
    http: { addr: ADDRESS, secret: 'bench' },
  };
  writeFileSync(join(directory, 'registry.yml'), JSON.stringify(config));
  registry = spawn('docker-registry', ['serve', join(directory, 'registry.yml')], { stdio: 'ignore' });
  const probe = `until (exec 3<>/dev/tcp/${ADDRESS.replace(':', '/')}) 2>/dev/null; do sleep 0.05; done`;
  spawnSync('bash', ['-c', probe], { timeout: 10_000 });
}

/** Folders to be layers, made once. */
function writeTrees(directory: string): readonly string[] {
  return Array.from({ length: LAYERS }, (_, layer) => writeTree(join(directory, 'trees'), String(layer)));
}

/** Each file is noise and repetition in equal parts. */
function writeTree(directory: string, name: string): string {
  const root = join(directory, name);
  if (existsSync(root)) return root;
  for (let file = 0; file < FILES; file++) {
    const folder = join(root, `l${name}`, String(file % 40));
    if (file < 40) mkdirSync(folder, { recursive: true });
    const content = Buffer.concat([randomBytes(20_000), Buffer.alloc(23_200, 'abcdefgh')]);
    writeFileSync(join(folder, String(file)), content);
  }
  return root;
}

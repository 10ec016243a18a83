import { createHash } from 'node:crypto';
import {
  mkdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  copyFileSync,
  chmodSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const APPLETS =
  'sh true sleep echo cat ls ip dd seq yes head wc nc wget httpd id hostname ps mkdir touch rm tar sync';

/** A root file system of one static busybox, as a tar. */
export function writeBusyboxTar(directory: string): string {
  const root = join(directory, 'busybox-root');
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'www', 'data']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  copyFileSync('/usr/bin/busybox', join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  for (const applet of APPLETS.split(' ')) symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  return tarOf(root, join(directory, 'busybox.tar'));
}

/** A docker-archive of an image with nine layers and 4,000 files, 64 MB: what a small application looks like. */
export function writeLayeredArchive(directory: string, busyboxTar: string): string {
  const layers = [busyboxTar, ...smallLayers(directory), filesLayer(directory)];
  return archiveOf(join(directory, 'archive'), join(directory, 'layered.tar'), 'layered:latest', layers);
}

/** A docker-archive whose layers are these folders. */
export function writeImageArchive(
  scratch: string,
  target: string,
  reference: string,
  roots: readonly string[],
): string {
  mkdirSync(scratch, { recursive: true });
  const layers = roots.map((root, index) => tarOf(root, join(scratch, `root${index}.tar`)));
  return archiveOf(join(scratch, 'archive'), target, reference, layers);
}

function archiveOf(archive: string, target: string, reference: string, layers: readonly string[]): string {
  mkdirSync(archive, { recursive: true });
  const names = layers.map((path, index) => {
    const name = `layer${index}.tar`;
    copyFileSync(path, join(archive, name));
    return name;
  });
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['true'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    history: layers.map((_, index) => ({ created_by: `layer ${index}` })),
    created: '2026-01-01T00:00:00Z',
  };
  writeFileSync(join(archive, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: names }];
  writeFileSync(join(archive, 'manifest.json'), JSON.stringify(manifest));
  return tarOf(archive, target);
}

function smallLayers(directory: string): readonly string[] {
  return Array.from({ length: 7 }, (_, index) => {
    const root = join(directory, `small${index}`);
    mkdirSync(join(root, 'app'), { recursive: true });
    writeFileSync(join(root, 'app', `step${index}`), `${index}\n`);
    return tarOf(root, join(directory, `small${index}.tar`));
  });
}

function filesLayer(directory: string): string {
  const root = join(directory, 'files');
  for (let index = 0; index < 4000; index++) {
    const folder = join(root, 'app/src', String(index % 50));
    if (index < 50) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index}`), pseudoRandom(index, 16_384));
  }
  return tarOf(root, join(directory, 'files.tar'));
}

/** The folder of 4,000 files that `cp` copies. */
export function filesFolder(directory: string): string {
  return join(directory, 'files/app/src');
}

/** Half noise, half zeros: compresses like program files. */
function pseudoRandom(seed: number, bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  let state = seed * 2654435761 + 1;
  for (let offset = 0; offset < bytes / 2; offset += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    content.writeUInt32LE(state, offset);
  }
  return content;
}

function tarOf(root: string, target: string): string {
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '--numeric-owner', '-cf', target, '.']);
  if (statSync(target).size === 0) throw new Error(`${target} is empty`);
  return target;
}

function digestOf(path: string): string {
  return `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

export function clean(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

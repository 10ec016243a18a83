/** The builders of the corpus: the docker command line over both wires, and Podman. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { docker, type Outcome, runProgram } from '../support/docker.ts';
import type { Subject } from '../support/subject.ts';
import type { PeerName } from './corpus.ts';

export interface Builder {
  readonly name: PeerName | 'ours';
  readonly title: string;
  readonly isBuildKit: boolean;
  /** Lines of a tree that say nothing: what commands leave behind. */
  readonly leaves: ReadonlySet<string>;
  /** @param args of `build` */
  build(args: readonly string[]): Promise<Outcome>;
  /** The image as a docker archive. */
  save(reference: string): Promise<Buffer>;
}

export function dockerBuilder(
  subject: Subject,
  { name, isBuildKit }: { readonly name: PeerName | 'ours'; readonly isBuildKit: boolean },
): Builder {
  const env = { DOCKER_BUILDKIT: isBuildKit ? '1' : '0', BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
  const quiet = isBuildKit ? ['--progress', 'plain'] : [];
  return {
    name,
    isBuildKit,
    title: `${name}, ${isBuildKit ? 'BuildKit' : 'classic'}`,
    leaves: new Set(),
    build: (args) =>
      docker(subject, ['build', '--network', 'none', ...quiet, ...args], {
        env,
        timeoutMs: 120_000,
      }),
    save: (reference) => archiveOf(subject, reference),
  };
}

const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];
const BUILD = ['build', '--network', 'none', '--format', 'docker', '--layers', ...LIMITS];

/** Podman with storage, mount namespace and network namespace of its own. */
export async function podmanBuilder(directory: string, rootTar: Buffer): Promise<Builder & AsyncDisposable> {
  mkdirSync(directory, { recursive: true });
  const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
  const command = ['podman', ...storage, '--cgroup-manager', 'cgroupfs'];
  const podman = (args: readonly string[], input?: string | Buffer) =>
    runProgram('unshare', ['--mount', '--net', ...command, ...args], {
      timeoutMs: 120_000,
      ...(input !== undefined && { input }),
    });
  const imported = await podman(['import', '-q', '-', 'localhost/bb:latest'], rootTar);
  if (imported.exitCode !== 0) throw new Error(imported.stderr);
  return {
    name: 'podman',
    isBuildKit: false,
    leaves: new Set(['etc/hostname file 700 0:0 0 e3b0c442', 'run directory 755 0:0']),
    title: 'Podman',
    build: (args) => podman([...BUILD, ...args]),
    save: (reference) =>
      output('unshare', ['--mount', '--net', ...command, 'save', '--format', 'docker-archive', reference]),
    [Symbol.asyncDispose]: async () => {
      await podman(['system', 'reset', '--force']);
    },
  };
}

/** What `docker save` writes, without the program: half of the corpus's time otherwise. */
async function archiveOf(subject: Subject, reference: string): Promise<Buffer> {
  const socketPath = subject.host.replace('unix://', '');
  const sent = request({ socketPath, path: `/images/${reference}/get` });
  sent.end();
  const [response] = await once(sent, 'response');
  return await buffer(response);
}

async function output(program: string, args: readonly string[]): Promise<Buffer> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [bytes] = await Promise.all([
    buffer(child.stdout),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return bytes;
}

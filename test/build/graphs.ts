/** Graphs that tests write themselves, and engines that are asked what they lead to. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InputOf } from '../../src/wire/buildkit/message.ts';
import { type DefinitionInput, NONE, Op } from '../../src/wire/buildkit/ops.ts';
import { BuildkitClient, type LedBuild, type Served, type Status } from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import type { Subject } from '../support/subject.ts';

/** `check`: Debian's dockerd is asked as well; `write`: only that, and what it answers is what is expected. */
export const peers = process.env['CAISSON_PEERS'] ?? '';

/** The engine that is asked, with the image `bb` and a client that has a directory and a secret. */
export class GraphSubjects implements AsyncDisposable {
  readonly all = new Map<string, Subject>();
  readonly scratch = mkdtempSync('/tmp/caisson-graph-');
  readonly context = join(this.scratch, 'context');
  readonly #servers = new AsyncDisposableStack();

  static async start(): Promise<GraphSubjects> {
    const subjects = new GraphSubjects();
    await subjects.#start();
    return subjects;
  }

  get ours(): Subject {
    const ours = this.all.get('ours');
    if (!ours) throw new Error('only the peer is asked');
    return ours;
  }

  connect(subject: Subject, served: Served = {}): Promise<BuildkitClient> {
    const { context } = this;
    return BuildkitClient.connect(subject, {
      directories: { context },
      secrets: { sec: 'hidden' },
      ...served,
    });
  }

  /** Builds with a client that is content with whatever `lead` looks at. */
  async look(subject: Subject, lead: (build: LedBuild) => Promise<unknown>): Promise<readonly Status[]> {
    using client = await this.connect(subject);
    const { told } = await client.build({}, async (build) => {
      await lead(build);
      return {};
    });
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers.disposeAsync();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    mkdirSync(join(this.context, 'sub'), { recursive: true });
    writeFileSync(join(this.context, 'a'), 'a\n', { mode: 0o644 });
    writeFileSync(join(this.context, 'x.log'), 'log\n', { mode: 0o644 });
    writeFileSync(join(this.context, 'sub/s'), 's\n', { mode: 0o644 });
    symlinkSync('sub/s', join(this.context, 'link'));
    // Only with this store BuildKit merges and compares.
    const store = { features: { 'containerd-snapshotter': true } };
    if (peers !== '') this.all.set('dockerd', this.#servers.use(await DockerDaemon.start(store)));
    if (peers !== 'write') this.all.set('ours', this.#servers.use(await TestDaemon.start()));
    for (const subject of this.all.values()) await importBusybox(subject);
  }
}

export const BB = 'docker.io/library/bb:latest';

/** A graph of these operations, each of which may name those before it by their numbers. */
export function graphOf(
  ...operations: readonly ((digests: readonly string[]) => InputOf<typeof Op>)[]
): DefinitionInput {
  const def: Uint8Array[] = [];
  const digests: string[] = [];
  const add = (bytes: Uint8Array) => {
    def.push(bytes);
    digests.push(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  };
  for (const operation of operations) add(Op.encode(operation(digests)));
  add(Op.encode({ inputs: [{ digest: digests.at(-1) ?? '', index: 0 }] }));
  return { def, metadata: Object.fromEntries(digests.map((digest) => [digest, {}])) };
}

export const from = (digest: string | undefined) => ({ digest: digest ?? '', index: 0 });
export const image = () => ({ source: { identifier: `docker-image://${BB}` } });
export const ROOT = { input: 0, dest: '/', output: 0 };
export const command =
  (script: string, more: object = {}) =>
  (digests: readonly string[]) => ({
    inputs: [from(digests.at(-1))],
    exec: { meta: { args: ['/bin/sh', '-c', script], cwd: '/' }, mounts: [ROOT], network: 2, ...more },
  });
export const file =
  (path: string, text: string, mode = 0o644) =>
  (digests: readonly string[]) => ({
    inputs: digests.length === 0 ? [] : [from(digests.at(-1))],
    file: {
      actions: [
        {
          input: digests.length === 0 ? NONE : 0,
          secondaryInput: NONE,
          output: 0,
          mkfile: { path, mode, data: Buffer.from(text), timestamp: -1n },
        },
      ],
    },
  });

export async function solved(build: LedBuild, graph: DefinitionInput): Promise<string> {
  const { ref } = await build.solve({ Definition: graph, Evaluate: true });
  return ref?.id ?? '';
}

/** The names, with what they lead to. */
export function names(
  entries: readonly { readonly path: string; readonly linkname: string }[],
): readonly string[] {
  return entries.map(({ path, linkname }) => `${path}>${linkname}`);
}

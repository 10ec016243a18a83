/**
 * The corpus of Dockerfiles: built by this engine over both wires, and compared with what is expected. With
 * `CAISSON_PEERS=check`, Debian's Docker (BuildKit and classic) and Podman build it too; with `CAISSON_PEERS=write`,
 * what BuildKit makes becomes what is expected, to be reviewed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { importBusybox, type Outcome } from '../support/docker.ts';
import {
  type CorpusCase,
  corpusCases,
  describeImage,
  expectedOf,
  prepareContext,
  writeExpected,
} from './corpus.ts';
import { type Builder, dockerBuilder, podmanBuilder } from './corpus-builders.ts';

const peers = process.env['CAISSON_PEERS'] ?? '';
const scratch = mkdtempSync('/tmp/caisson-corpus-');
const builders: Builder[] = [];
const servers = new AsyncDisposableStack();

before(async () => {
  if (peers !== '') await startPeers();
  const engine = servers.use(await TestDaemon.start());
  await importBusybox(engine);
  builders.push(dockerBuilder(engine, { name: 'ours', isBuildKit: false }));
  builders.push(dockerBuilder(engine, { name: 'ours', isBuildKit: true }));
});

after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
});

async function startPeers(): Promise<void> {
  const daemon = servers.use(await DockerDaemon.start());
  await importBusybox(daemon);
  builders.push(dockerBuilder(daemon, { name: 'buildkit', isBuildKit: true }));
  if (peers === 'write') return;
  builders.push(dockerBuilder(daemon, { name: 'classic', isBuildKit: false }));
  builders.push(servers.use(await podmanBuilder(join(scratch, 'podman'), busyboxRootTar())));
}

const EVERYONE = ['buildkit', 'classic', 'podman'] as const;

/** Who writes what is expected: BuildKit, where it is to make the same. */
const isWriter = ({ peers = EVERYONE, differs }: CorpusCase, { name, isBuildKit }: Builder): boolean =>
  name === (peers.includes('buildkit') && differs?.buildkit === undefined ? 'buildkit' : 'ours') &&
  isBuildKit;

function builds(one: CorpusCase, builder: Builder): boolean {
  if (peers === 'write') return isWriter(one, builder);
  if (builder.name !== 'ours') return (one.peers ?? EVERYONE).includes(builder.name);
  return one.wires?.includes(builder.isBuildKit ? 'buildkit' : 'classic') ?? true;
}

async function check(one: CorpusCase, builder: Builder, context: string): Promise<void> {
  const outcome = await build(one, builder, context);
  const isDifferent = builder.name !== 'ours' && one.differs?.[builder.name] !== undefined;
  if (isDifferent && outcome.exitCode !== 0) return;
  if (one.fails !== undefined) {
    if (isDifferent) return;
    assert.notEqual(outcome.exitCode, 0, 'the build should fail');
    assert.match(outcome.stdout + outcome.stderr, new RegExp(one.fails));
    return;
  }
  assert.equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr);
  const { history, ...all } = describeImage(await builder.save(`corpus-${one.name}`));
  const built = { ...all, tree: all.tree.filter((line) => !builder.leaves.has(line)) };
  if (peers === 'write') return writeExpected(one.name, { ...built, history });
  const expected = expectedOf(one.name);
  const { history: expectedHistory, ...rest } = expected;
  if (isDifferent) return assert.notDeepEqual(built, rest, 'a difference that is none any more');
  assert.deepEqual(built, rest);
  if (builder.name === 'ours' || builder.name === 'buildkit') assert.deepEqual(history, expectedHistory);
}

async function build(one: CorpusCase, builder: Builder, context: string): Promise<Outcome> {
  if (one.base !== undefined) {
    const dockerfile = `${context}.base`;
    writeFileSync(dockerfile, one.base);
    const base = await builder.build(['-t', `base-of-${one.name}`, '-f', dockerfile, context]);
    assert.equal(base.exitCode, 0, base.stdout + base.stderr);
  }
  const args = (one.args ?? []).map((arg) => arg.replace('{context}', context));
  return await builder.build(['-t', `corpus-${one.name}`, ...args, context]);
}

describe('corpus', { concurrency: 3 }, () => {
  for (const one of corpusCases())
    test(one.name, async (t) => {
      const context = prepareContext(one, scratch);
      for (const builder of builders.filter((builder) => builds(one, builder)))
        await t.test(builder.title, () => check(one, builder, context));
    });
});

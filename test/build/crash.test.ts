/** The daemon is killed in the middle of every kind of work that a build does. The next one has nothing left of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type TarMember, tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox, runProgram } from '../support/docker.ts';
import { mountsBelow } from '../support/leftovers.ts';
import { until } from '#base/testing.ts';
import { expectNothingLeft, namesIn } from './builder-leftovers.ts';
import { streamBuild } from './streamed-build.ts';

const POOL_SIZE = 2;
const MIB = 2 ** 20;

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start('--network-pool', String(POOL_SIZE));
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

interface Kill {
  readonly Dockerfile: string;
  readonly files?: readonly TarMember[];
  /** The daemon is killed once this is part of the output. */
  readonly at: string;
  /** Steps that come from the cache afterwards. */
  readonly cached: number;
}

const contextOf = ({ Dockerfile, files = [] }: Pick<Kill, 'Dockerfile' | 'files'>): Buffer =>
  tarOf({ path: 'Dockerfile', content: Dockerfile, mode: 0o644 }, ...files);

const cachedSteps = (output: string): number => output.split('Using cache').length - 1;

async function killAndBuildAgain(kill: Kill): Promise<void> {
  const killed = Promise.withResolvers<void>();
  const first = await streamBuild(engine.socket, Readable.from([contextOf(kill)]), {
    onLine: (text) => {
      if (text.includes(kill.at)) void engine.kill().then(killed.resolve, killed.reject);
    },
  });
  assert.equal(first.error, undefined);
  await killed.promise;
  await engine.start();
  await expectNothingLeft(engine, POOL_SIZE);
  const second = await streamBuild(engine.socket, Readable.from([contextOf(kill)]), {
    parameters: { t: 'crashed:1' },
  });
  assert.equal(second.error, undefined);
  // What was killed may have ended just before.
  assert.ok(cachedSteps(second.output) >= kill.cached, second.output);
  await dockerOk(engine, ['run', '--rm', '--network', 'none', 'crashed:1', 'true']);
}

test('while a command runs, with every kind of mount', async () => {
  await killAndBuildAgain({
    Dockerfile: `FROM bb AS made
RUN mkdir /out && echo made > /out/f
FROM bb
RUN --mount=from=made,source=/out,target=/rw,rw --mount=target=/ctx --mount=type=cache,target=/cache \\
    --mount=type=tmpfs,target=/tmpfs echo x > /rw/x; echo y >> /cache/y; echo running; [ $(wc -l < /cache/y) != 1 ] || sleep 1000
RUN <<EOF
#!/bin/sh
true
EOF
`,
    at: 'running\n',
    cached: 1,
  });
});

test('while a secret is mounted', async () => {
  const context = join(engine.directory, 'secret-context');
  const script = `mkdir -p ${context}; printf 'FROM bb\\nRUN --mount=type=secret,id=s,env=S --mount=type=secret,id=s,target=/s sleep 1000\\n' > ${context}/Dockerfile; printf hidden-value > ${context}.secret`;
  await runProgram('sh', ['-c', script]);
  const args = [
    '-H',
    engine.host,
    'build',
    '--network',
    'none',
    '--secret',
    `id=s,src=${context}.secret`,
    context,
  ];
  const building = runProgram('docker', args, { env: { DOCKER_BUILDKIT: '1' } });
  await untilSomethingRuns();
  await engine.kill();
  await building;
  // In memory at most: run directories are.
  assert.deepEqual(await filesWith('hidden-value', engine.root, engine.logPath), []);
  await engine.start();
  await expectNothingLeft(engine, POOL_SIZE);
  assert.deepEqual(await filesWith('hidden-value', engine.root, engine.run, engine.logPath), []);
});

/** Mounts in there are those of the builder: memory. */
async function filesWith(text: string, ...places: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runProgram('grep', ['-rlas', '--', text, ...places]);
  const memory = mountsBelow(engine.root);
  return stdout
    .split('\n')
    .filter((path) => path !== '' && !memory.some(({ target }) => path.startsWith(`${target}/`)));
}

/** A command has its bundle, and thereby all that it mounts. */
async function untilSomethingRuns(): Promise<void> {
  const bundles = join(engine.run, 'containers/bundles');
  const isRunning = () =>
    readdirSync(bundles).some((id) => namesIn(join(bundles, id)).includes('config.json'));
  await until(isRunning, 'something runs');
}

const large = { path: 'large', content: Buffer.alloc(64 * MIB, 'large '), mode: 0o644 };

test('while files are copied', async () => {
  await killAndBuildAgain({
    Dockerfile: 'FROM bb\nRUN echo before > /before\nCOPY large /large\n',
    files: [large],
    at: 'Step 3/3',
    cached: 1,
  });
});

test('while an archive is unpacked', async () => {
  await killAndBuildAgain({
    Dockerfile: 'FROM bb\nRUN echo first > /first\nADD a.tar.gz /unpacked/\n',
    files: [{ path: 'a.tar.gz', content: gzipSync(tarOf(large), { level: 1 }), mode: 0o644 }],
    at: 'Step 3/3',
    cached: 1,
  });
});

test('while the context comes', async () => {
  const context = contextOf({ Dockerfile: 'FROM bb\n', files: [large] });
  async function* half() {
    yield context.subarray(0, context.length / 2);
    await engine.kill();
  }
  const broken = await streamBuild(engine.socket, Readable.from(half()));
  assert.equal(broken.isBroken, true);
  await engine.start();
  await expectNothingLeft(engine, POOL_SIZE);
});

test('when it has just ended', async () => {
  await killAndBuildAgain({
    Dockerfile: 'FROM bb\nRUN echo ended > /ended\nENV A=b\n',
    at: 'Successfully built',
    cached: 2,
  });
});

/** Programs of other machines in builds and containers, by a real emulator. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { program386 } from '../fixtures/program-386.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { docker, dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { Emulator, emulatorPath, FOREIGN, foreignBusybox, HOST } from '../support/emulator.ts';

const program = join(import.meta.dirname, '../../src/main/caisson.ts');
const MACHINES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };
const ARCHITECTURES = ['amd64', 'arm64'];
const PLATFORMS = ARCHITECTURES.map((architecture) => `linux/${architecture}`);
const foreignPlatform = `linux/${FOREIGN}`;
const POOL_SIZE = 2;

let engine: TestDaemon;
const scratch = mkdtempSync('/tmp/caisson-emulated-');
const foreignRoot = busyboxRootTar(foreignBusybox());
const roots = { [`root-${HOST}.tar`]: busyboxRootTar(), [`root-${FOREIGN}.tar`]: foreignRoot };

before(async () => {
  engine = await TestDaemon.start('--network-pool', String(POOL_SIZE));
  await importBusybox(engine);
  const flags = ['--platform', foreignPlatform];
  await dockerOk(engine, ['import', ...flags, '-', 'foreign:1'], { input: foreignRoot });
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

function contextOf(Dockerfile: string, files: Readonly<Record<string, Buffer>> = {}): string {
  const context = mkdtempSync(join(scratch, 'context-'));
  for (const [name, content] of Object.entries({ ...files, Dockerfile })) {
    mkdirSync(dirname(join(context, name)), { recursive: true });
    writeFileSync(join(context, name), content, { mode: 0o755 });
  }
  return context;
}

const caisson = (...args: readonly string[]): Promise<Outcome> =>
  runProgram(process.execPath, [program, '-H', engine.host, ...args]);
const buildx = (...args: readonly string[]): Promise<Outcome> =>
  docker(engine, ['buildx', 'build', '--progress', 'plain', ...args]);

function succeeded({ exitCode, stdout, stderr }: Outcome): string {
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

/** Both platforms are there at once, or neither ends. */
const meet =
  'touch /meet/$TARGETARCH; i=0; until [ -e /meet/amd64 ] && [ -e /meet/arm64 ]; ' +
  'do i=$((i+1)); [ $i -lt 6000 ] || exit 9; sleep 0.02; done';

/** @param build makes the meeting place and the steps this build's own */
const severalSteps = (build: string): string => `FROM --platform=$BUILDPLATFORM bb AS tools
ARG BUILDPLATFORM
ARG BUILDARCH
ARG TARGETPLATFORM
ARG TARGETOS
ARG TARGETARCH
RUN echo "${build}: $BUILDPLATFORM ($BUILDARCH) for $TARGETPLATFORM ($TARGETOS $TARGETARCH) by $(uname -m)" > /built
FROM scratch
ARG TARGETARCH
ADD root-$TARGETARCH.tar /
RUN --mount=type=cache,id=${build},target=/meet,sharing=shared ${meet}
RUN echo worker:x:1234:1234::/srv:/bin/sh >> /etc/passwd && mkdir -p /srv/data && chown worker /srv/data && ln -s data /srv/link
USER worker
RUN <<EOF
  echo "$(id -un) on $(uname -m)" > /srv/data/who
  cat /srv/link/who | sed s/on/at/ > /srv/data/piped
EOF
COPY --from=tools /built /built
CMD ["cat", "/built", "/srv/link/who", "/srv/data/piped"]
`;

function says(build: string, architecture: string): string {
  const machine = MACHINES[architecture];
  const host = `linux/${HOST} (${HOST})`;
  const target = `linux/${architecture} (linux ${architecture})`;
  return `${build}: ${host} for ${target} by ${MACHINES[HOST]}\nworker on ${machine}\nworker at ${machine}\n`;
}

/** One step of the tools and five of the image, for two platforms. */
function isCached(again: Outcome): void {
  succeeded(again);
  const { stderr } = again;
  const numbersOf = (line: RegExp) => new Set([...stderr.matchAll(line)].map((match) => match[1] ?? ''));
  const steps = numbersOf(/^#(\d+) \[.*\] (?:RUN|ADD|COPY) /gm);
  assert.equal(steps.size, 12, stderr);
  assert.deepEqual(steps.difference(numbersOf(/^#(\d+) CACHED$/gm)), new Set(), stderr);
}

test('buildx: steps of both platforms, at once, in one index; the second time from the cache', async () => {
  using _emulator = new Emulator();
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/app:1`;
  const context = contextOf(severalSteps('buildx'), roots);
  const flags = ['--platform', PLATFORMS.join(), '--provenance=false', '-t', name, '--push', context];
  succeeded(await buildx(...flags));
  const inspected = await runProgram('skopeo', [
    'inspect',
    '--raw',
    '--tls-verify=false',
    `docker://${name}`,
  ]);
  const { manifests } = JSON.parse(succeeded(inspected));
  assert.deepEqual(
    manifests.map(({ platform }: { platform: object }) => platform),
    ARCHITECTURES.map((architecture) => ({ architecture, os: 'linux' })),
  );
  for (const architecture of ARCHITECTURES) {
    const flags = ['--rm', '--pull', 'always', '-q', '--platform', `linux/${architecture}`];
    assert.equal(await dockerOk(engine, ['run', ...flags, name]), says('buildx', architecture).trimEnd());
  }
  isCached(await buildx(...flags));
  const derived = `${registry.host}/team/derived:1`;
  const further = contextOf(
    `FROM ${name}\nRUN uname -m >> /srv/data/who\nCMD ["tail", "-1", "/srv/link/who"]\n`,
  );
  succeeded(await buildx('--pull', '--platform', PLATFORMS.join(), '-t', derived, '--push', further));
  for (const architecture of ARCHITECTURES) {
    const flags = ['--rm', '--pull', 'always', '-q', '--platform', `linux/${architecture}`];
    assert.equal(await dockerOk(engine, ['run', ...flags, derived]), MACHINES[architecture]);
  }
});

test('caisson: the same, and what it makes runs', async () => {
  using _emulator = new Emulator();
  const context = contextOf(severalSteps('caisson'), roots);
  const args = ['build', '--platform', PLATFORMS.join(), '-t', 'both:1', context];
  succeeded(await caisson(...args));
  for (const architecture of ARCHITECTURES) {
    const ran = await caisson('run', '--rm', '--platform', `linux/${architecture}`, 'both:1');
    assert.equal(succeeded(ran), says('caisson', architecture));
  }
  isCached(await caisson(...args));
});

test('containers and commands in them, as confined as any', async () => {
  using _emulator = new Emulator();
  const options = ['--security-opt', 'no-new-privileges', '--platform', foreignPlatform];
  await dockerOk(engine, [
    'run',
    '-d',
    '--name',
    'emulated',
    '--init',
    ...options,
    'foreign:1',
    'sleep',
    '1000',
  ]);
  const script = "uname -m; grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; mount -t tmpfs x /tmp; id -u";
  const executed = await docker(engine, ['exec', '-u', 'user', 'emulated', 'sh', '-c', script]);
  assert.equal(executed.stdout, `${MACHINES[FOREIGN]}\nNoNewPrivs:\t1\nSeccomp:\t2\n1000\n`);
  assert.match(executed.stderr, /^mount: permission denied/);
  assert.equal(succeeded(await caisson('exec', 'emulated', 'uname', '-m')), `${MACHINES[FOREIGN]}\n`);
  await dockerOk(engine, ['rm', '-f', 'emulated']);
});

const run = ['run', '--rm', '--platform', foreignPlatform, 'foreign:1', 'uname', '-m'];
const oneStep = 'FROM foreign:1\nRUN uname -m > /machine\nCMD ["cat", "/machine"]\n';

/** Expects the refusal in every way to start a program. */
async function isRefused(reason: string): Promise<void> {
  const context = contextOf(oneStep);
  const flags = ['--no-cache', '--platform', foreignPlatform, context];
  const ran = [await docker(engine, run), await caisson(...run)];
  for (const { exitCode, stdout, stderr } of ran) {
    assert.deepEqual([exitCode, stdout], [125, '']);
    assert.ok(stderr.includes(`Cannot run uname (/bin/busybox): exec format error: ${reason}`), stderr);
  }
  const built = [
    await buildx(...flags),
    await caisson('build', ...flags),
    await docker(engine, ['build', ...flags], { env: { DOCKER_BUILDKIT: '0' } }),
  ];
  for (const { exitCode, stdout, stderr } of built) {
    assert.equal(exitCode, 1);
    assert.ok(
      `${stdout}${stderr}`.includes(`Cannot run /bin/sh (/bin/busybox): exec format error: ${reason}`),
      `${stdout}${stderr}`,
    );
  }
  for (const { stderr } of built.slice(0, 2)) assert.match(stderr, /^ +2 \| >>> RUN uname -m/m);
  assert.deepEqual(await engine.containers(), []);
}

const what = `it is a program for ${foreignPlatform}, this machine is linux/${HOST}, and `;

test('without an emulator it is said before the program starts; one that comes later is noticed', async () => {
  await isRefused(`${what}no emulator for it is registered with the kernel; `);
  using emulator = new Emulator();
  assert.equal(await dockerOk(engine, run), MACHINES[FOREIGN]);
  succeeded(await buildx('--platform', foreignPlatform, '-t', 'late:1', contextOf(oneStep)));
  assert.equal(succeeded(await caisson('run', '--rm', 'late:1')), `${MACHINES[FOREIGN]}\n`);
  emulator.disable();
  await isRefused(`${what}its emulator is registered (${emulator.name}), but disabled; enable it with `);
  emulator.enable();
  assert.equal(await dockerOk(engine, run), MACHINES[FOREIGN]);
  assert.deepEqual(
    await engine.leftovers({ running: [], known: [], publishedPorts: 0, poolSize: POOL_SIZE }),
    [],
  );
});

test('an emulator that the kernel does not hold has to be in the container', async () => {
  const interpreter = '/usr/bin/emulator';
  using emulator = new Emulator({ flags: 'OP', interpreter });
  await isRefused(
    `${what}its emulator ${interpreter} is not in the container, where the kernel looks for it, as it is ` +
      `registered (${emulator.name}) without the flag F; `,
  );
  const mount = ['-v', `${emulatorPath()}:${interpreter}:ro`];
  assert.equal(
    await dockerOk(engine, ['run', '--rm', ...mount, 'foreign:1', 'uname', '-m']),
    MACHINES[FOREIGN],
  );
  const context = contextOf(`FROM foreign:1\nCOPY usr /usr\nRUN uname -m > /machine && cat /machine\n`);
  mkdirSync(join(context, 'usr/bin'), { recursive: true });
  await runProgram('cp', [emulatorPath(), join(context, interpreter)]);
  assert.match(
    (await buildx('--platform', foreignPlatform, context)).stderr,
    new RegExp(`^#\\d+ .* ${MACHINES[FOREIGN]}$`, 'm'),
  );
});

test('a program of another machine in an image for this one', async () => {
  const files = { foreign: foreignBusybox(), script: Buffer.from('echo hello\n') };
  const context = contextOf('FROM bb\nCOPY foreign script /bin/\n', files);
  succeeded(await buildx('-t', 'mixed:1', context));
  const started = await docker(engine, ['run', '--rm', 'mixed:1', 'foreign']);
  assert.match(
    started.stderr,
    new RegExp(`Cannot run foreign \\(/bin/foreign\\): exec format error: ${what}`),
  );
  await dockerOk(engine, ['run', '-d', '--name', 'mixed', 'mixed:1', 'sleep', '1000']);
  const executed = await docker(engine, ['exec', 'mixed', '/bin/foreign']);
  assert.equal(executed.exitCode, 126);
  assert.match(executed.stdout + executed.stderr, /Cannot run \/bin\/foreign: exec format error/);
  const script = await docker(engine, ['exec', 'mixed', 'script']);
  assert.equal(script.exitCode, 126);
  assert.match(script.stdout + script.stderr, /neither a Linux program nor a script, whose first line is #!/);
  await dockerOk(engine, ['rm', '-f', 'mixed']);
});

async function platforms(): Promise<readonly string[]> {
  const [, list = ''] = /^Platforms:(.*)$/m.exec(await dockerOk(engine, ['buildx', 'inspect'])) ?? [];
  return list.split(',').map((platform) => platform.trim());
}

test('the platforms of the builder are those whose emulators are registered', async () => {
  const before = await platforms();
  {
    using emulator = new Emulator({ forAll: true });
    assert.equal(before[0], `linux/${HOST}`);
    assert.ok((await platforms()).includes(foreignPlatform));
    emulator.disable();
    assert.deepEqual(await platforms(), before);
  }
  // What only an emulator inside of the container could run is not promised.
  using _outside = new Emulator({ forAll: true, flags: 'OP' });
  assert.deepEqual(await platforms(), before);
});

const on64BitX86 = { skip: HOST === 'amd64' ? false : 'this machine has no 32 bits' };

test('32-bit programs on 64 bits need no emulator', on64BitX86, async () => {
  const Dockerfile = 'FROM scratch\nCOPY hello /hello\nRUN ["/hello"]\nCMD ["/hello"]\n';
  const context = contextOf(Dockerfile, { hello: program386() });
  const built = await buildx('--platform', 'linux/386', '-t', 'small:1', context);
  assert.match(built.stderr, /^#\d+ [0-9.]+ hello$/m);
  assert.equal(await dockerOk(engine, ['image', 'inspect', '-f', '{{.Architecture}}', 'small:1']), '386');
  assert.equal(await dockerOk(engine, ['run', '--rm', '--platform', 'linux/386', 'small:1']), 'hello');
});

/** Debian's buildx (`docker build` as it is by default): BuildKit's wire, with the client's own session. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import {
  docker,
  dockerOk,
  importBusybox,
  type Outcome,
  runProgram,
  type RunOptions,
} from '../support/docker.ts';
import { DOCKER_CONFIG } from '../support/docker-config.ts';
import { isForeign, startSubject, type Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';
import { until } from '#base/testing.ts';

let engine: Subject;
const scratch = mkdtempSync('/tmp/caisson-buildx-');

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

type Files = Readonly<Record<string, string>>;

/** A context directory with these files. */
function contextOf(files: Files): string {
  const directory = mkdtempSync(join(scratch, 'context-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return directory;
}

const build = (args: readonly string[], options?: RunOptions): Promise<Outcome> =>
  docker(engine, ['buildx', 'build', '--progress', 'plain', ...args], options);

/** What the client printed, without times. */
async function buildOk(args: readonly string[], options?: RunOptions): Promise<string> {
  const outcome = await build(args, options);
  assert.equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr);
  return outcome.stderr;
}

const sh = (image: string, script: string): Promise<string> =>
  dockerOk(engine, ['run', '--rm', '--network', 'none', image, 'sh', '-c', script]);

/** The end of a step, as plain progress prints it: `DONE`, `CACHED`, `CANCELED`, `ERROR`. */
function endOf(output: string, name: string): string {
  const number = output
    .split('\n')
    .map((line) => /^#(\d+) (.*)$/.exec(line))
    .find((match) => match?.[2] === name)?.[1];
  assert.ok(number !== undefined, `no step ${name} in:\n${output}`);
  return new RegExp(`^#${number} (DONE|CACHED|CANCELED|ERROR)`, 'm').exec(output)?.[1] ?? 'none';
}

test('plain progress: every step by its name, its output, and what is cached', async () => {
  const directory = contextOf({
    Dockerfile: `FROM bb
ARG FOO=1
WORKDIR /work
COPY hello.txt dir /work/
RUN cat hello.txt && echo foo=$FOO && echo to-stderr >&2
ENV A=b
CMD ["cat", "hello.txt"]
`,
    '.dockerignore': '*.log\n',
    'hello.txt': 'hello from the context\n',
    'dir/inner': 'inner\n',
    'noise.log': 'ignored\n',
  });
  const args = ['-t', 'plain:1', '--build-arg', 'FOO=3', '--label', 'x=y', directory];
  const first = await buildOk(args);
  assert.match(first, /^#\d+ \[internal\] load build definition from Dockerfile$/m);
  assert.match(first, /^#\d+ transferring dockerfile: \d+B/m);
  assert.match(first, /^#\d+ \[internal\] load metadata for docker.io\/library\/bb:latest$/m);
  assert.match(first, /^#\d+ \[1\/4\] FROM docker.io\/library\/bb:latest$/m);
  assert.equal(endOf(first, '[internal] load build context'), 'DONE');
  assert.equal(endOf(first, '[2/4] WORKDIR /work'), 'DONE');
  assert.equal(endOf(first, '[3/4] COPY hello.txt dir /work/'), 'DONE');
  const run = '[4/4] RUN cat hello.txt && echo foo=3 && echo to-stderr >&2';
  assert.equal(endOf(first, run), 'DONE');
  assert.match(first, /^#\d+ [\d.]+ hello from the context$/m);
  assert.match(first, /^#\d+ [\d.]+ foo=3$/m);
  assert.match(first, /^#\d+ [\d.]+ to-stderr$/m);
  assert.match(first, /^#\d+ writing image sha256:[0-9a-f]{64}/m);
  assert.match(first, /^#\d+ naming to docker.io\/library\/plain:1/m);
  const again = await buildOk(args);
  for (const name of ['[2/4] WORKDIR /work', '[3/4] COPY hello.txt dir /work/', run])
    assert.equal(endOf(again, name), 'CACHED');
  const config = JSON.parse(
    await dockerOk(engine, ['image', 'inspect', '-f', '{{json .Config}}', 'plain:1']),
  );
  assert.deepEqual(config.Labels, { x: 'y' });
  assert.equal(await sh('plain:1', 'echo $A; ls'), 'b\nhello.txt\ninner');
});

test('docker build is this client; quiet prints the id alone; iidfile and metadata-file', async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo quiet > /q\n' });
  const files = { iid: join(directory, 'iid'), metadata: join(directory, 'metadata') };
  const args = [
    'build',
    '-q',
    '-t',
    'quiet:1',
    '--iidfile',
    files.iid,
    '--metadata-file',
    files.metadata,
    directory,
  ];
  const { stdout, stderr } = await docker(engine, args);
  assert.equal(stderr, '');
  const id = await dockerOk(engine, ['image', 'inspect', '-f', '{{.Id}}', 'quiet:1']);
  assert.equal(stdout, `${id}\n`);
  assert.equal(readFileSync(files.iid, 'utf8'), id);
  const metadata = JSON.parse(readFileSync(files.metadata, 'utf8'));
  assert.equal(metadata['containerimage.config.digest'], id);
  assert.equal(metadata['image.name'], 'docker.io/library/quiet:1');
});

/** A command that waits for the other: run one after the other, neither would end. */
function meet(mine: string, other: string): string {
  return (
    `RUN --mount=type=cache,target=/meet,sharing=shared echo > /meet/${mine}; i=0; ` +
    `until [ -e /meet/${other} ]; do i=$((i+1)); [ $i -lt 2400 ] || exit 9; sleep 0.05; done; echo ${mine} > /${mine}`
  );
}

test('stages: independent ones run side by side, unused ones not at all; a target', async () => {
  const directory = contextOf({
    Dockerfile: `FROM bb AS one
${meet('one', 'two')}
FROM bb AS two
${meet('two', 'one')}
FROM bb AS unused
RUN exit 1
FROM bb
COPY --from=one /one /
COPY --from=two /two /
`,
  });
  const output = await buildOk(['-t', 'stages:1', directory]);
  assert.doesNotMatch(output, /unused/);
  assert.equal(endOf(output, '[stage-3 3/3] COPY --from=two /two /'), 'DONE');
  assert.equal(await sh('stages:1', 'cat /one /two'), 'one\ntwo');
  assert.doesNotMatch(await buildOk(['--target', 'one', directory]), /stage-3|two 2\/2/);
});

test('a command that fails: its output, its line, its exit code', async () => {
  const directory = contextOf({
    Dockerfile: 'FROM bb\nRUN echo fine\nRUN echo last words; echo and errors >&2; exit 3\nRUN echo never\n',
  });
  const { exitCode, stderr } = await build([directory]);
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    / > \[3\/4\] RUN echo last words; echo and errors >&2; exit 3:\n[\d.]+ last words\n[\d.]+ and errors\n/,
  );
  assert.match(stderr, /Dockerfile:3\n-{20}\n[^>]*3 \| >>> RUN echo last words/);
  const command = '"/bin/sh -c echo last words; echo and errors >&2; exit 3"';
  assert.ok(
    stderr.endsWith(
      `ERROR: failed to solve: process ${command} did not complete successfully: exit code: 3\n`,
    ),
    stderr,
  );
  assert.equal(endOf((await build([directory])).stderr, '[2/4] RUN echo fine'), 'CACHED');
});

test('what is wrong with a Dockerfile is shown with its lines', async () => {
  const cases = [
    ['FROM bb\nCOPPY a b\n', /Dockerfile:2\n-{20}\n[^>]*2 \| >>> COPPY a b\n[^]*unknown instruction: COPPY/],
    ['FROM bb AS a\nCOPY --from=b / /\nFROM a AS b\n', /Dockerfile:2\n/],
    ['FROM bb\nCOPY missing /\n', /Dockerfile:2\n-{20}\n[^>]*2 \| >>> COPY missing \/\n/],
    ['', /failed to solve: the Dockerfile cannot be empty/],
  ] as const;
  for (const [dockerfile, expected] of cases) {
    const { exitCode, stderr } = await build(['-f', '-', contextOf({ x: '' })], { input: dockerfile });
    assert.equal(exitCode, 1);
    assert.match(stderr, expected);
  }
  const { stderr } = await build(['-f', 'x', contextOf({ Dockerfile: '' })]);
  assert.match(stderr, /failed to solve: failed to read dockerfile: open x: no such file or directory/);
});

test('secrets reach the command and nothing else', async () => {
  const secret = 'tok-5ecret-value';
  const directory = contextOf({
    Dockerfile: `FROM bb
RUN --mount=type=secret,id=tok,required cat /run/secrets/tok | rev > /reversed
RUN [ ! -e /run/secrets/tok ]
`,
    tok: secret,
    '.dockerignore': 'tok',
  });
  const args = ['-t', 'secret:1', '--secret', `id=tok,src=${join(directory, 'tok')}`, directory];
  const output = await buildOk(args);
  assert.doesNotMatch(output, new RegExp(secret));
  assert.equal(await sh('secret:1', 'rev /reversed; ls -A /run/secrets 2>/dev/null || true'), secret);
  const history = await dockerOk(engine, ['history', '--no-trunc', 'secret:1']);
  assert.doesNotMatch(history, new RegExp(secret));
  const missing = await build(['--no-cache', directory]);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.stderr, /secret tok: not found/);
});

/** Copies a program with the libraries that it needs. */
async function copyProgram(path: string, root: string): Promise<void> {
  const { stdout } = await runProgram('ldd', [path]);
  for (const file of [path, ...stdout.matchAll(/(\/\S+) \(0x/g).map(([, library = '']) => library)]) {
    const target = join(root, file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

test('the agent of the client, through ssh', async () => {
  const socket = join(scratch, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(agent.stdout, 'data');
    const key = join(scratch, 'key');
    await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'caisson-test', '-f', key]);
    await runProgram('ssh-add', [key], { env: { SSH_AUTH_SOCK: socket } });
    const directory = contextOf({
      Dockerfile: 'FROM bb\nCOPY root /\nRUN --mount=type=ssh,required ssh-add -l\n',
    });
    await copyProgram('/usr/bin/ssh-add', join(directory, 'root'));
    const output = await buildOk(['--ssh', `default=${socket}`, directory]);
    assert.match(output, /^#\d+ [\d.]+ 256 SHA256:\S+ caisson-test \(ED25519\)$/m);
    const refused = await build(['--no-cache', directory]);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /ERROR: failed to solve: .*\bdefault\b/);
  } finally {
    agent.kill();
    await once(agent, 'exit');
  }
});

test('a context from standard input, a Dockerfile from standard input, named contexts', async () => {
  const dockerfile = 'FROM bb\nCOPY a /a\nRUN cat /a > /b\n';
  const tar = tarOf({ path: 'Dockerfile', content: dockerfile }, { path: 'a', content: 'from a tar\n' });
  await buildOk(['-t', 'stdin:1', '-'], { input: tar });
  assert.equal(await sh('stdin:1', 'cat /b'), 'from a tar');
  await buildOk(['-t', 'stdin:2', '-f', '-', contextOf({ a: 'beside\n' })], { input: dockerfile });
  assert.equal(await sh('stdin:2', 'cat /b'), 'beside');
  await buildOk(['-t', 'stdin:3', '-'], { input: 'FROM bb\nRUN echo alone > /b\n' });
  assert.equal(await sh('stdin:3', 'cat /b'), 'alone');
  const named = contextOf({ Dockerfile: 'FROM base\nCOPY --from=other c /c\n' });
  const other = contextOf({ c: 'named\n' });
  const contexts = ['--build-context', `other=${other}`, '--build-context', 'base=docker-image://stdin:1'];
  const output = await buildOk(['-t', 'named:1', ...contexts, named]);
  assert.doesNotMatch(output, /FROM docker\.io\/library\/base/);
  assert.equal(await sh('named:1', 'cat /c /b'), 'named\nfrom a tar');
});

test('a named context that the engine fetches is told', async () => {
  const server = createServer((_, response) => response.end(tarOf({ path: 'c', content: 'fetched\n' })));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/c.tar`;
  try {
    const directory = contextOf({ Dockerfile: 'FROM bb\nCOPY --from=far c /c\n' });
    const output = await buildOk(['-t', 'far:1', '--build-context', `far=${url}`, directory]);
    assert.equal(endOf(output, `[context far] ${url}`), 'DONE');
    assert.equal(await sh('far:1', 'cat /c'), 'fetched');
  } finally {
    server.close();
  }
});

test('what commands are given: hosts, limits, shared memory, no network', async () => {
  const directory = contextOf({
    Dockerfile: `FROM bb
RUN grep -o 1.2.3.4.*one /etc/hosts; grep -c gateway-name /etc/hosts; ulimit -n; ls /sys/class/net; df /dev/shm | tail -1
`,
  });
  const hosts = ['--add-host', 'one:1.2.3.4', '--add-host', 'gateway-name:host-gateway'];
  const limits = ['--ulimit', 'nofile=1234:2345', '--shm-size', '33m', '--network', 'none'];
  const output = await buildOk(['--no-cache', ...hosts, ...limits, directory]);
  const printed = [...output.matchAll(/^#\d+ [\d.]+ (.*)$/gm)].map(([, line = '']) =>
    line.replaceAll(/\s+/g, ' '),
  );
  assert.deepEqual(printed.slice(0, 4), ['1.2.3.4 one', '1', '1234', 'lo']);
  assert.match(printed[4] ?? '', /^shm 33792 /);
});

test('the machine of commands has the same name every time, which can be chosen', async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN hostname > /name\n' });
  await buildOk(['--no-cache', '-t', 'host:1', directory]);
  assert.equal(await sh('host:1', 'cat /name'), 'buildkitsandbox');
  await buildOk(['-t', 'host:2', '--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=chosen', directory]);
  assert.equal(await sh('host:2', 'cat /name'), 'chosen');
});

test('stages that are built anew, with what stands on them', async () => {
  const directory = contextOf({
    Dockerfile: `FROM bb AS fresh
RUN head -c 8 /dev/urandom > /r
FROM bb AS other
RUN echo other
FROM bb
COPY --from=fresh /r /
COPY --from=other /bin/busybox /b
`,
  });
  await buildOk(['-t', 'anew:1', directory]);
  const output = await buildOk(['-t', 'anew:2', '--no-cache-filter', 'fresh', directory]);
  assert.equal(endOf(output, '[fresh 2/2] RUN head -c 8 /dev/urandom > /r'), 'DONE');
  assert.equal(endOf(output, '[other 2/2] RUN echo other'), 'CACHED');
  assert.equal(endOf(output, '[stage-2 2/3] COPY --from=fresh /r /'), 'DONE');
});

test('results that are not images: a directory, a tar', async () => {
  const directory = contextOf({
    Dockerfile:
      'FROM bb AS b\nRUN mkdir -p /o/d && echo x > /o/d/x && ln -s d/x /o/l\nFROM scratch\nCOPY --from=b /o /\n',
  });
  const target = join(scratch, 'local');
  await buildOk(['-o', target, directory]);
  assert.equal(readFileSync(join(target, 'l'), 'utf8'), 'x\n');
  assert.deepEqual(readdirSync(target).toSorted(), ['d', 'l']);
  const tar = join(scratch, 'result.tar');
  await buildOk(['-o', `type=tar,dest=${tar}`, directory]);
  const { stdout } = await runProgram('tar', ['tf', tar]);
  assert.deepEqual(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .toSorted(),
    ['d/', 'd/x', 'l'],
  );
});

test('a terminal: steps are drawn while they run', async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo on a terminal\n' });
  using terminal = Terminal.open(
    ['docker', '--config', DOCKER_CONFIG, '-H', engine.host, 'build', directory],
    {
      rows: 30,
      columns: 100,
    },
  );
  assert.equal(await terminal.exitCode(), 0);
  await terminal.until(/=> \[2\/2\] RUN echo on a terminal/);
  await terminal.until(/\[\+\] Building [\d.]+s \(\d+\/\d+\) FINISHED/);
  await terminal.until(/=> exporting to image/);
});

test('progress as JSON: vertices, logs, and none left open', async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo as json\n' });
  const { exitCode, stderr } = await build(['--progress', 'rawjson', directory]);
  assert.equal(exitCode, 0, stderr);
  // One object a line, or indented: clients differ.
  const events = stderr.split(/\n(?=\{)/).map((json) => JSON.parse(json));
  const vertices = new Map(
    events.flatMap(({ vertexes = [] }) => vertexes).map((vertex) => [vertex.digest, vertex]),
  );
  assert.ok(vertices.size >= 5);
  for (const { name, completed } of vertices.values()) assert.ok(completed, `${name} did not end`);
  const run = [...vertices.values()].find(({ name }) => name === '[2/2] RUN echo as json');
  const parents = run.inputs.map((digest: string) => vertices.get(digest).name);
  assert.deepEqual(parents, ['[1/2] FROM docker.io/library/bb:latest']);
  const logs = events
    .flatMap(({ logs = [] }) => logs)
    .map(({ data }) => Buffer.from(data, 'base64').toString());
  assert.equal(logs.join(''), 'as json\n');
});

interface Client {
  readonly process: ReturnType<typeof spawn>;
  readonly ended: Promise<unknown>;
  output(): string;
}

/** A build that tells when its command runs, which then sleeps for `marker` seconds unless the sleep is ended. */
function startBuild(directory: string, ...args: readonly string[]): Client {
  const command = ['-H', engine.host, 'buildx', 'build', '--progress', 'plain', ...args, directory];
  const client = spawn('docker', command, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DOCKER_CONFIG },
  });
  let output = '';
  client.stderr.on('data', (chunk) => (output += String(chunk)));
  return { process: client, ended: once(client, 'close'), output: () => output };
}

/** Seconds that no other process on this host sleeps for. */
function markerOf(index: number): string {
  return String(100_000_000 + process.pid * 10 + index);
}

/** The processes `sleep MARKER` of this host. */
function sleepers(marker: string): readonly number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && commandOf(pid) === `sleep\0${marker}\0`)
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test('a client that is interrupted, and one that is killed, stop the command', async () => {
  for (const [index, signal] of (['SIGINT', 'SIGKILL'] as const).entries()) {
    const marker = markerOf(index);
    const client = startBuild(contextOf({ Dockerfile: `FROM bb\nRUN exec sleep ${marker}\n` }));
    await until(() => sleepers(marker).length > 0, 'the command runs');
    client.process.kill(signal);
    await until(() => sleepers(marker).length === 0, 'the command is gone');
    await client.ended;
  }
});

test('two builds at once do equal work once', async () => {
  const marker = markerOf(2);
  const directory = contextOf({
    Dockerfile: `FROM bb\nRUN echo begun; sleep ${marker}; head -c 16 /dev/urandom | od -An -tx1 > /random\n`,
  });
  const clients = ['once:1', 'once:2'].map((tag) => startBuild(directory, '-t', tag));
  await until(() => clients.every((client) => /^#\d+ [\d.]+ begun$/m.test(client.output())), 'both hear it');
  await until(() => sleepers(marker).length > 0, 'the command runs');
  const running = sleepers(marker);
  assert.equal(running.length, 1);
  for (const pid of running) process.kill(pid);
  await Promise.all(clients.map(({ ended }) => ended));
  assert.equal(await sh('once:1', 'cat /random'), await sh('once:2', 'cat /random'));
});

test('only what has changed of a context is sent again', { skip: isForeign }, async () => {
  const files = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`f${index}`, 'x'.repeat(10_000)]),
  );
  const directory = contextOf({ ...files, Dockerfile: 'FROM bb\nCOPY . /c\n' });
  assert.match(await buildOk([directory]), /transferring context: 500\.\d+kB/);
  writeFileSync(join(directory, 'f7'), 'changed');
  assert.match(await buildOk(['-t', 'resent:1', directory]), /transferring context: 7B/);
  assert.equal(await sh('resent:1', 'cat /c/f7; ls /c | wc -l'), 'changed51');
});

interface Manifest {
  readonly digest: string;
  readonly platform?: { readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an image index in an archive names, from the top. */
async function manifestsIn(tar: string): Promise<readonly Manifest[]> {
  const read = async (path: string): Promise<readonly Manifest[]> => {
    const { stdout } = await runProgram('tar', ['xOf', tar, path]);
    return JSON.parse(stdout).manifests;
  };
  const [top] = await read('index.json');
  return await read(`blobs/sha256/${top?.digest.slice(7)}`);
}

test('several platforms in an OCI layout', { skip: isForeign }, async () => {
  const directory = contextOf({
    Dockerfile: `FROM --platform=$BUILDPLATFORM bb AS build
ARG TARGETARCH
RUN echo $TARGETARCH > /arch
FROM scratch
COPY --from=build /arch /arch
`,
  });
  const tar = join(scratch, 'platforms.tar');
  const platforms = ['--platform', 'linux/amd64,linux/arm64', '--provenance', 'false'];
  const output = await buildOk([...platforms, '-o', `type=oci,dest=${tar}`, directory]);
  assert.equal(endOf(output, '[linux/amd64 build 2/2] RUN echo amd64 > /arch'), 'DONE');
  assert.equal(endOf(output, '[linux/amd64->arm64 build 2/2] RUN echo arm64 > /arch'), 'DONE');
  const manifests = await manifestsIn(tar);
  assert.deepEqual(manifests.map(({ platform }) => String(platform?.architecture)).toSorted(), [
    'amd64',
    'arm64',
  ]);
});

test('attestations, where they are asked for', { skip: isForeign }, async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo attested\n' });
  const tar = join(scratch, 'attested.tar');
  await buildOk(['--sbom=true', '--provenance=mode=max', '-o', `type=oci,dest=${tar}`, directory]);
  const types = (await manifestsIn(tar)).map(({ annotations }) => annotations?.['vnd.docker.reference.type']);
  assert.deepEqual(types, [undefined, 'attestation-manifest']);
});

test('a cache that the client keeps', { skip: isForeign }, async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo kept by the client > /k\n' });
  const cache = join(scratch, 'cache');
  await buildOk(['--cache-to', `type=local,dest=${cache},mode=max`, directory]);
  await dockerOk(engine, ['builder', 'prune', '-af']);
  await dockerOk(engine, ['image', 'prune', '-f']);
  const output = await buildOk(['--cache-from', `type=local,src=${cache}`, '-t', 'kept:1', directory]);
  assert.equal(endOf(output, '[2/2] RUN echo kept by the client > /k'), 'CACHED');
  assert.equal(await sh('kept:1', 'cat /k'), 'kept by the client');
});

test('caches of clouds: an export is refused, an import left out; levels', { skip: isForeign }, async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\n' });
  const env = { ACTIONS_RUNTIME_TOKEN: 'token', ACTIONS_CACHE_URL: 'http://127.0.0.1:1/' };
  const clouds = ['gha', 's3,region=r,bucket=b', 'azblob,account_url=http://127.0.0.1:1'];
  await Promise.all(
    clouds.map(async (cloud) => {
      const [type = ''] = cloud.split(',');
      const { exitCode, stderr } = await build(['--cache-to', `type=${cloud}`, directory], { env });
      assert.equal(exitCode, 1);
      const refusal = `of type ${type}: this engine has inline, registry, local; use type=registry,ref=`;
      assert.ok(stderr.includes(`Cannot export cache ${refusal}`), stderr);
      const output = await buildOk(['--cache-from', `type=${cloud}`, directory], { env });
      assert.ok(output.includes(`Cannot import cache ${refusal}`), output);
    }),
  );
  const level = await build([
    '--cache-to',
    `type=local,dest=${join(scratch, 'x')},compression-level=99`,
    directory,
  ]);
  assert.match(level.stderr, /compression-level="99": gzip has levels from -1 to 9/);
});

test('what is sent to the client is counted, and an OCI layout says when it was made', {
  skip: isForeign,
}, async () => {
  const directory = contextOf({ Dockerfile: 'FROM scratch\nCOPY big /\n', big: 'x'.repeat(3_000_000) });
  const files = await buildOk(['-o', join(scratch, 'counted'), directory]);
  assert.match(files, /^#\d+ copying files 3\.00MB .*done$/m);
  const tar = await buildOk(['-o', `type=tar,dest=${join(scratch, 'counted.tar')}`, directory]);
  assert.match(tar, /^#\d+ sending tarball 3\.00MB .*done$/m);
  const split = join(scratch, 'split');
  await buildOk(['--build-arg', 'BUILDKIT_MULTI_PLATFORM=1', '-o', split, directory]);
  assert.match(readdirSync(split).join(' '), /^linux_[a-z0-9_]+$/);
  const inline = await buildOk(['--cache-to', 'type=inline', '-t', 'inline:1', directory]);
  assert.match(inline, /preparing layers for inline cache done/);
  const layout = join(scratch, 'made');
  const metadata = join(scratch, 'made.json');
  await buildOk(['-o', `type=oci,tar=false,dest=${layout}`, '--metadata-file', metadata, directory]);
  const [root] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
  const created = 'org.opencontainers.image.created';
  assert.match(root.annotations[created], /^\d{4}-/);
  const told = JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.descriptor'];
  assert.equal(told.annotations[created], root.annotations[created]);
});

test('the history of a build has its time, not that of the base', async () => {
  await buildOk([
    '-t',
    'aged:1',
    '--build-arg',
    'SOURCE_DATE_EPOCH=100',
    contextOf({ Dockerfile: 'FROM bb\nCOPY --from=bb /etc /e\n' }),
  ]);
  await buildOk(['-t', 'aged:2', contextOf({ Dockerfile: 'FROM aged:1\nLABEL a=b\nRUN true > /new\n' })]);
  const format = ['--human=false', '--format', '{{.CreatedAt}}'];
  const times = (await dockerOk(engine, ['history', ...format, 'aged:2'])).split('\n');
  assert.equal(times[0], times[1]);
  assert.match(times[2] ?? '', /^1970/);
});

test('a base image from an OCI layout of the client', { skip: isForeign }, async () => {
  const tar = join(scratch, 'layout.tar');
  await buildOk([
    '--provenance=false',
    '-o',
    `type=oci,dest=${tar}`,
    contextOf({ Dockerfile: 'FROM bb\nENV L=laid\nRUN echo out > /l\n' }),
  ]);
  const layout = mkdtempSync(join(scratch, 'layout-'));
  await runProgram('tar', ['xf', tar, '-C', layout]);
  const [{ digest }] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
  await dockerOk(engine, ['builder', 'prune', '-af']);
  const above = contextOf({ Dockerfile: 'FROM below\nRUN echo $L $(cat /l) > /r\n' });
  await buildOk(['-t', 'laid:1', '--build-context', `below=oci-layout://${layout}@${digest}`, above]);
  assert.equal(await sh('laid:1', 'cat /r'), 'laid out');
});

const withRegistry = { skip: isForeign || !DebianRegistry.isInstalled };

test('a push, and a base image, with the password that the client keeps', withRegistry, async () => {
  const user = { name: 'somebody', password: 'pass-word' };
  await using registry = await DebianRegistry.start({ user });
  const config = mkdtempSync(join(scratch, 'config-'));
  const auth = Buffer.from(`${user.name}:${user.password}`).toString('base64');
  writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const known = { env: { DOCKER_CONFIG: config } };
  const reference = `${registry.host}/pushed:1`;
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo pushed > /p\n' });
  await buildOk(['--push', '-t', reference, directory], known);
  await dockerOk(engine, ['rmi', reference]);
  const above = contextOf({ Dockerfile: `FROM ${reference}\nRUN cp /p /q\n` });
  const refused = await build([above]);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /Dockerfile:1\n-{20}\n[^>]*1 \| >>> FROM /);
  await buildOk(['-t', 'above:1', above], known);
  assert.equal(await sh('above:1', 'cat /q'), 'pushed');
});

test('bake: targets side by side, one the base of another', async () => {
  const directory = contextOf({
    'docker-bake.json': JSON.stringify({
      group: { default: { targets: ['app', 'tool'] } },
      target: {
        base: {
          'dockerfile-inline': 'FROM bb\nENV OF=base\nRUN echo based > /based\n',
        },
        app: {
          contexts: { below: 'target:base' },
          'dockerfile-inline': 'FROM below\nRUN echo "$OF" > /app\n',
          tags: ['bake-app:1'],
        },
        tool: { 'dockerfile-inline': 'FROM bb\nRUN echo tool > /tool\n', tags: ['bake-tool:1'] },
      },
    }),
  });
  const { exitCode, stderr } = await docker(engine, ['buildx', 'bake', '--progress', 'plain'], {
    cwd: directory,
  });
  assert.equal(exitCode, 0, stderr);
  assert.equal(await sh('bake-app:1', 'cat /based /app'), 'based\nbase');
  assert.equal(await sh('bake-tool:1', 'cat /tool'), 'tool');
});

test('questions about a Dockerfile: outline, targets, checks', { skip: isForeign }, async () => {
  const directory = contextOf({
    Dockerfile: `# NAME who is greeted
ARG NAME=world
# Tools what the others need
FROM bb AS Tools
RUN --mount=type=secret,id=key true
# greet says hello
FROM tools AS greet
ARG NAME
RUN echo $NAME
`,
  });
  const ask = (question: string) =>
    dockerOk(engine, ['buildx', 'build', `--print=${question}`, directory], {
      env: { BUILDX_EXPERIMENTAL: '1' },
    });
  assert.match(
    await ask('outline'),
    /TARGET: +greet\nDESCRIPTION: says hello\n\nBUILD ARG +VALUE +DESCRIPTION\nNAME +world/,
  );
  assert.match(await ask('targets'), /TARGET +DESCRIPTION\ntools +\ngreet \(default\) says hello/);
  assert.match(await ask('lint'), /WARNING: StageNameCasing - https:.*\n.*'Tools'.*\nDockerfile:4\n/);
  const output = await buildOk([directory]);
  assert.match(
    output,
    /1 warning found[^]*StageNameCasing: Stage name 'Tools' should be lowercase \(line 4\)/,
  );
});

test('the builder as clients see it: ls, inspect, du, df, prune', async () => {
  await buildOk([contextOf({ Dockerfile: 'FROM bb\nRUN echo for the cache\nCOPY f /\n', f: 'kept' })]);
  assert.match(await dockerOk(engine, ['buildx', 'ls']), /default +running +v[\d.]+\S* +linux\//);
  assert.match(
    await dockerOk(engine, ['buildx', 'inspect']),
    /Driver: +docker\n[^]*host-gateway-ip: +[\d.]+/,
  );
  assert.match(await dockerOk(engine, ['buildx', 'du']), /^ID\s+RECLAIMABLE\s+SIZE[^]*true[^]*Total:\s+\d/m);
  const mutable = await dockerOk(engine, ['buildx', 'du', '--filter', 'mutable=true', '--verbose']);
  assert.match(mutable, /Mutable:\s+true/);
  assert.match(mutable, /Type:\s+source\.local/);
  assert.doesNotMatch(mutable, /Type:\s+regular|Mutable:\s+false/);
  const usage = await dockerOk(engine, ['system', 'df', '--format', '{{.Type}}={{.TotalCount}}']);
  assert.match(usage, /^Build Cache=[1-9]/m);
  assert.match(await dockerOk(engine, ['builder', 'prune', '-af']), /Total:/);
  const output = await buildOk([contextOf({ Dockerfile: 'FROM bb\nRUN echo for the cache\n' })]);
  assert.equal(endOf(output, '[2/2] RUN echo for the cache'), 'DONE');
});

test('a file for another frontend is no Dockerfile, over either wire', async () => {
  const directory = contextOf({ Dockerfile: '# syntax=foobar\nFROM bb\n' });
  const { exitCode, stderr } = await build([directory]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /Dockerfile:1\n-{20}\n[^>]*1 \| >>> # syntax=foobar\n/);
  assert.match(stderr, isForeign ? /foobar/ : /ERROR: failed to solve: Cannot build with frontend foobar: /);
  const known = contextOf({ Dockerfile: '# syntax=docker/dockerfile:1-labs\nFROM bb\n' });
  if (!isForeign) await buildOk([known]);
  const argument = await build(['--build-arg', 'BUILDKIT_SYNTAX=foo/bar', known]);
  assert.match(argument.stderr, isForeign ? /foo\/bar/ : /Cannot build with frontend foo\/bar: /);
  if (isForeign) return;
  const classic = await docker(engine, ['build', directory], { env: { DOCKER_BUILDKIT: '0' } });
  assert.match(classic.stderr, /Cannot build with frontend foobar: /);
});

test('named contexts: nothing at all; a directory by its name in the progress', async () => {
  const directory = contextOf({
    Dockerfile: 'FROM base AS one\nCOPY a /\nFROM base\nCOPY --from=sub x /\nCOPY --from=one / /\n',
    a: 'a',
  });
  const sub = contextOf({ x: 'x' });
  const named = ['--build-context', 'base=docker-image://scratch', '--build-context', `sub=${sub}`];
  const output = await buildOk([...named, '-t', 'from-nothing', directory]);
  assert.match(output, /^#\d+ \[context sub\] load \.dockerignore$/m);
  assert.match(output, /^#\d+ transferring sub: \d+B/m);
  assert.match(output, /^#\d+ transferring context: \d+B/m);
  const config = await dockerOk(engine, ['image', 'inspect', '-f', '{{len .RootFS.Layers}}', 'from-nothing']);
  assert.equal(config, '2');
});

test('a file that is not there is told with its path, over either wire', async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nCOPY badfile /\n' });
  const { stderr } = await build([directory]);
  assert.match(stderr, /ERROR: failed to solve: .*failed to calculate checksum.*: "\/badfile": not found\n/);
  const classic = await docker(engine, ['build', directory], { env: { DOCKER_BUILDKIT: '0' } });
  assert.match(
    classic.stderr,
    /COPY failed: file not found in build context or excluded by \.dockerignore: stat badfile: file does not exist/,
  );
});

test('commands of the classic wire may join the network of a container', async () => {
  await dockerOk(engine, [
    'run',
    '-d',
    '--name',
    'joined',
    '--hostname',
    'of-the-container',
    'bb',
    'sleep',
    '600',
  ]);
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN ip -o -4 addr show | md5sum\n' });
  const addresses = await dockerOk(engine, ['exec', 'joined', 'sh', '-c', 'ip -o -4 addr show | md5sum']);
  const args = ['build', '--no-cache', '--network', 'container:joined', directory];
  const { exitCode, stdout, stderr } = await docker(engine, args, { env: { DOCKER_BUILDKIT: '0' } });
  assert.equal(exitCode, 0, stdout + stderr);
  assert.ok(stdout.includes(addresses), stdout);
  await dockerOk(engine, ['rm', '-f', 'joined']);
});

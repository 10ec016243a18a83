/** Debian's docker command line with the classic wire: `DOCKER_BUILDKIT=0 docker build`. */
import assert from 'node:assert/strict';
import { execSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox, type Outcome } from '../support/docker.ts';
import { requestJson } from '../support/http.ts';
import { until } from '#base/testing.ts';
import { expectNothingLeft } from './builder-leftovers.ts';
import { meet } from './meeting.ts';
import { streamBuild } from './streamed-build.ts';

const POOL_SIZE = 2;

let engine: TestDaemon;
const scratch = mkdtempSync('/tmp/caisson-build-');

before(async () => {
  engine = await TestDaemon.start('--experimental', '--network-pool', String(POOL_SIZE));
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

const build = (...args: readonly string[]): Promise<Outcome> =>
  docker(engine, ['build', ...args], { env: { DOCKER_BUILDKIT: '0' } });

async function buildOk(...args: readonly string[]): Promise<string> {
  const outcome = await build(...args);
  assert.equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr);
  return outcome.stdout;
}

const sh = (image: string, script: string): Promise<string> =>
  dockerOk(engine, ['run', '--rm', '--network', 'none', image, 'sh', '-c', script]);

function cachedSteps(output: string): number {
  return output.split('Using cache').length - 1;
}

test('every kind of instruction, in the configuration and the history', async () => {
  const directory = contextOf({
    Dockerfile: `ARG BASE=bb
FROM \${BASE}
LABEL a=1 b="two words"
MAINTAINER somebody
ENV A=1 B="b c"
ARG VERSION=5
EXPOSE 80 53/udp
VOLUME /data
WORKDIR /work
RUN echo "$VERSION $A" > v && echo seen
USER user
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=5s CMD true
SHELL ["/bin/sh", "-ec"]
ONBUILD RUN echo triggered > /tmp/t
ENTRYPOINT ["cat"]
CMD ["v"]
`,
  });
  const output = await buildOk('-t', 'all:1', '--label', 'c=3', '--build-arg', 'VERSION=6', directory);
  assert.match(output, /Step 9\/16 : RUN echo "\$VERSION \$A" > v && echo seen\nseen\n ---> [0-9a-f]{12}\n/);
  assert.match(output, /Successfully built [0-9a-f]{12}\nSuccessfully tagged all:1\n$/);
  const [image] = JSON.parse(await dockerOk(engine, ['image', 'inspect', 'all:1']));
  const { Config } = image;
  assert.deepEqual(Config.Labels, { a: '1', b: 'two words', c: '3' });
  assert.equal(image.Author, 'somebody');
  assert.deepEqual(Config.Env.slice(1), ['A=1', 'B=b c']);
  assert.match(Config.Env[0], /^PATH=\/usr\/local\/sbin:/);
  assert.deepEqual(Object.keys(Config.ExposedPorts), ['53/udp', '80/tcp']);
  assert.deepEqual(Object.keys(Config.Volumes), ['/data']);
  assert.equal(Config.WorkingDir, '/work');
  assert.equal(Config.User, 'user');
  assert.equal(Config.StopSignal, 'SIGUSR1');
  assert.deepEqual(Config.Healthcheck, { Test: ['CMD-SHELL', 'true'], Interval: 5_000_000_000 });
  assert.deepEqual(Config.OnBuild, ['RUN echo triggered > /tmp/t']);
  assert.equal(await dockerOk(engine, ['run', '--rm', 'all:1']), '6 1');
  const history = await dockerOk(engine, ['history', '--no-trunc', '--format', '{{.CreatedBy}}', 'all:1']);
  assert.deepEqual(history.split('\n').slice(0, 3), [
    'CMD ["v"]',
    'ENTRYPOINT ["cat"]',
    'ONBUILD RUN echo triggered > /tmp/t',
  ]);
  assert.match(history, /^RUN \|1 VERSION=6 \/bin\/sh -c echo "\$VERSION \$A" > v && echo seen # buildkit$/m);
  await buildOk('-t', 'child:1', contextOf({ Dockerfile: 'FROM all:1\nENTRYPOINT []\nCMD ["sh"]\n' }));
  assert.equal(await sh('child:1', 'cat /tmp/t'), 'triggered');
});

test('the cache: equal builds, changed files, changed times, --no-cache, another daemon', async () => {
  const files = { Dockerfile: 'FROM bb\nRUN echo one > /one\nCOPY a /a\nRUN cat /a > /b\nENV X=y\n', a: '1' };
  const directory = contextOf(files);
  assert.equal(cachedSteps(await buildOk('-t', 'cached:1', directory)), 0);
  const id = await dockerOk(engine, ['inspect', '-f', '{{.Id}}', 'cached:1']);
  assert.equal(cachedSteps(await buildOk('-t', 'cached:1', directory)), 4);
  assert.equal(await dockerOk(engine, ['inspect', '-f', '{{.Id}}', 'cached:1']), id);
  assert.equal(cachedSteps(await buildOk(contextOf(files))), 4);
  writeFileSync(join(directory, 'a'), '2');
  assert.equal(cachedSteps(await buildOk('-t', 'cached:2', directory)), 1);
  assert.equal(await sh('cached:2', 'cat /b'), '2');
  await engine.stop();
  await engine.start();
  assert.equal(cachedSteps(await buildOk(directory)), 4);
  assert.equal(cachedSteps(await buildOk('--no-cache', directory)), 0);
});

test('stages run at the same time, those that are not needed do not run', async () => {
  const directory = contextOf({
    Dockerfile: `FROM bb AS one
RUN --mount=type=cache,target=/meeting ${meet('/meeting', 'one', 'two')}; cat /proc/sys/kernel/random/uuid > /one
FROM bb AS two
RUN --mount=type=cache,target=/meeting ${meet('/meeting', 'two', 'one')}; echo two > /two
FROM bb AS unused
RUN false
FROM scratch
COPY --from=one /one /
COPY --from=1 /two /numbers/
COPY --from=bb /bin/busybox /bin/cat
CMD ["/bin/cat", "/one", "/numbers/two"]
`,
  });
  await buildOk('-t', 'stages:1', directory);
  const [one, two] = (await dockerOk(engine, ['run', '--rm', 'stages:1'])).split('\n');
  assert.equal(two, 'two');
  const target = await buildOk('--target', 'one', '-t', 'stages:one', directory);
  assert.equal(cachedSteps(target), 1);
  assert.equal(await sh('stages:one', 'cat /one'), one);
});

test('COPY: directories, wildcards, names, owners, modes, links of the base', async () => {
  const directory = contextOf({
    Dockerfile: `FROM bb
RUN mkdir -p /real && ln -s /real /link && chmod 700 /real
COPY d /copied
COPY d/ /link/
COPY *.txt /texts/
COPY --chown=user:extra --chmod=640 x.txt /owned
COPY x.txt /texts/renamed
COPY <<EOF /inline
line $HOME
EOF
`,
    'd/e/f': 'f',
    'd/g': 'g',
    'x.txt': 'x',
    'y.txt': 'y',
  });
  symlinkSync('g', join(directory, 'd/to-g'));
  await buildOk('-t', 'copies:1', directory);
  const tree = 'find /copied /real /texts /owned -exec stat -c "%n %A %U:%G" {} + | sort';
  assert.deepEqual((await sh('copies:1', tree)).split('\n'), [
    '/copied drwxr-xr-x root:root',
    '/copied/e drwxr-xr-x root:root',
    '/copied/e/f -rw-r--r-- root:root',
    '/copied/g -rw-r--r-- root:root',
    '/copied/to-g lrwxrwxrwx root:root',
    '/owned -rw-r----- user:extra',
    '/real drwx------ root:root',
    '/real/e drwxr-xr-x root:root',
    '/real/e/f -rw-r--r-- root:root',
    '/real/g -rw-r--r-- root:root',
    '/real/to-g lrwxrwxrwx root:root',
    '/texts drwxr-xr-x root:root',
    '/texts/renamed -rw-r--r-- root:root',
    '/texts/x.txt -rw-r--r-- root:root',
    '/texts/y.txt -rw-r--r-- root:root',
  ]);
});

test('.dockerignore holds, and links do not lead out of the context', async () => {
  const directory = contextOf({
    Dockerfile: 'FROM bb\nCOPY . /app\n',
    '.dockerignore': '*.log\nnode_modules\n!keep.log\n',
    'a.log': '',
    'keep.log': '',
    'node_modules/m': '',
    'src/b': '',
  });
  await buildOk('-t', 'ignored:1', directory);
  const files = await sh('ignored:1', 'cd /app; find . -type f | sort | xargs');
  assert.equal(files, './.dockerignore ./Dockerfile ./keep.log ./src/b');
  const hostile = contextOf({ Dockerfile: 'FROM bb\nCOPY out /out\n' });
  symlinkSync('/etc/hostname', join(hostile, 'out'));
  const outcome = await build(hostile);
  assert.notEqual(outcome.exitCode, 0);
  assert.match(outcome.stderr, /COPY failed: file not found in build context/);
});

test('an archive as context: what leads out of it is refused, what looks like a deletion is none', async () => {
  const dockerfile = {
    path: 'Dockerfile',
    content: 'FROM bb\nCOPY . /etc/\nRUN ls /etc/passwd\n',
    mode: 0o644,
  };
  const send = (path: string) =>
    docker(engine, ['build', '-'], {
      env: { DOCKER_BUILDKIT: '0' },
      input: tarOf(dockerfile, { path, content: '', mode: 0o644 }),
    });
  const outside = await send('../outside');
  assert.equal(outside.exitCode, 1);
  assert.match(outside.stderr, /"\.\.\/outside": its name leads out of the/);
  const deletion = await send('d/.wh.passwd');
  assert.equal(deletion.exitCode, 0, deletion.stderr);
});

test('a command that fails: its code and output; the steps before it stay cached', async () => {
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo before > /x\nRUN echo oops >&2; exit 7\n' });
  const outcome = await build(directory);
  assert.equal(outcome.exitCode, 7);
  assert.match(outcome.stdout + outcome.stderr, /oops/);
  const words = /The command '\/bin\/sh -c echo oops >&2; exit 7' returned a non-zero code: 7/;
  assert.match(outcome.stderr, words);
  assert.equal(cachedSteps((await build(directory)).stdout), 1);
});

test('what is wrong is said', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['FROM bb\nRUNN x\n', /dockerfile parse error on line 2: unknown instruction: RUNN/],
    ['FROM bb\nCOPY nothing /\n', /COPY failed: file not found in build context.*nothing/],
    ['FROM bb\nRUN ln -s etc /l\nCOPY tree/ /\n', /cannot copy to non-directory: \/l/],
    ['FROM bb\nRUN --mount=type=ssh,required true\n', /no SSH key "default" forwarded from the client/],
    ['FROM bb\nUSER nobody-there\nRUN true\n', /unable to find user nobody-there/],
  ];
  for (const [Dockerfile, pattern] of cases) {
    const outcome = await build(contextOf({ Dockerfile, 'tree/l/f': '' }));
    assert.equal(outcome.exitCode, 1);
    assert.match(outcome.stderr, pattern);
  }
});

test('what is not asked for is told; a quiet build that fails says why', async () => {
  const directory = contextOf({
    Dockerfile: 'ARG BASE=bb\nFROM $BASE\nARG USED\nRUN echo said; exit 3\n',
    'Dockerfile.good': 'ARG BASE=bb\nFROM $BASE\nARG USED\n',
  });
  const given = ['--build-arg', 'BASE=bb', '--build-arg', 'USED=1', '--build-arg', 'HTTP_PROXY=x'];
  const good = ['-f', join(directory, 'Dockerfile.good'), directory];
  const warned = await buildOk(...given, '--build-arg', 'ONE=1', '--build-arg', 'TWO', ...good);
  assert.match(warned, /^\[Warning\] One or more build-args \[ONE TWO\] were not consumed$/m);
  assert.doesNotMatch(await buildOk(...given, ...good), /Warning/);
  const failed = await build('-q', directory);
  assert.equal(failed.exitCode, 3);
  assert.match(failed.stderr, /Step 3\/3 : RUN echo said; exit 3\n[^]*said\n[^]*returned a non-zero code: 3/);
});

test('contexts and archives of every compression', async () => {
  const tar = tarOf({ path: 'Dockerfile', content: 'FROM bb\nCOPY Dockerfile /\n', mode: 0o644 });
  const context = join(scratch, 'context.tar');
  writeFileSync(context, tar);
  const packed = ['gzip -c', 'bzip2 -c', 'xz -c'].map((program) => execSync(`${program} ${context}`));
  const ids = [tar, zstdCompressSync(tar), ...packed].map(async (input) => {
    const outcome = await docker(engine, ['build', '-q', '-'], {
      input,
      env: { DOCKER_BUILDKIT: '0' },
    });
    return outcome.stdout || outcome.stderr;
  });
  assert.deepEqual(new Set(await Promise.all(ids)).size, 1);
  const cut = execSync(`xz -c ${context}`).subarray(0, 150);
  const damaged = await docker(engine, ['build', '-'], { input: cut, env: { DOCKER_BUILDKIT: '0' } });
  assert.match(damaged.stderr, /its xz data is damaged/);
});

test('ADD unpacks archives; -q prints the id alone, --iidfile writes it', async () => {
  const directory = contextOf({
    Dockerfile: 'FROM bb\nADD files.tar /unpacked/\nADD plain /plain\n',
    plain: 'p',
  });
  writeFileSync(join(directory, 'files.tar'), tarOf({ path: 'f', content: 'f', mode: 0o644 }));
  const iidfile = join(scratch, 'iid');
  const output = await buildOk('-q', '--iidfile', iidfile, directory);
  assert.match(output, /^sha256:[0-9a-f]{64}\n$/);
  assert.equal(readFileSync(iidfile, 'utf8').trim(), output.trim());
  assert.equal(await sh(output.trim(), 'cat /unpacked/f /plain'), 'fp');
});

test('the same step in two builds at once runs once', async () => {
  const Dockerfile = 'FROM bb\nRUN sleep 0.5; cat /proc/sys/kernel/random/uuid > /uuid\n';
  await Promise.all([
    buildOk('-t', 'once:1', contextOf({ Dockerfile })),
    buildOk('-t', 'once:2', contextOf({ Dockerfile })),
  ]);
  assert.equal(await sh('once:1', 'cat /uuid'), await sh('once:2', 'cat /uuid'));
});

test('--squash, which clients offer where the daemon is experimental', async () => {
  assert.equal(await dockerOk(engine, ['version', '-f', '{{.Server.Experimental}}']), 'true');
  const directory = contextOf({ Dockerfile: 'FROM bb\nRUN echo 1 > /one\nRUN rm /one; echo 2 > /two\n' });
  await buildOk('--squash', '-t', 'squashed:1', directory);
  const layers = await dockerOk(engine, ['image', 'inspect', '-f', '{{len .RootFS.Layers}}', 'squashed:1']);
  assert.equal(layers, '2');
  assert.equal(
    await sh('squashed:1', 'ls /one /two 2>&1; cat /two'),
    'ls: /one: No such file or directory\n/two\n2',
  );
});

test('--network container: commands join a network that is there, and see its machine', async () => {
  const machine = ['--hostname', 'joined', 'bb', 'sleep', '1000'];
  const joined = await dockerOk(engine, ['run', '-d', ...machine]);
  const seen = 'cat /sys/class/net/eth0/address >/link; hostname >/name';
  const directory = contextOf({ Dockerfile: `FROM bb\nRUN ${seen}\n` });
  await buildOk('--network', `container:${joined}`, '-t', 'joining', directory);
  const link = await dockerOk(engine, ['exec', joined, 'cat', '/sys/class/net/eth0/address']);
  assert.equal(await sh('joining', 'cat /link /name'), `${link}\njoined`);
  await dockerOk(engine, ['rm', '-f', joined]);
  const gone = await build('--network', `container:${joined}`, '--no-cache', directory);
  assert.match(gone.stderr, /No such container/);
});

test('a prune of the builder is an event, with what it gave back', async () => {
  const since = String(Math.floor(Date.now() / 1000));
  await buildOk('--no-cache', contextOf({ Dockerfile: 'FROM bb\nRUN head -c 5000 /dev/zero >/zeros\n' }));
  const { SpaceReclaimed } = await requestJson<{ SpaceReclaimed: number }>(
    engine.socket,
    'POST',
    '/build/prune?all=1',
  );
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const filters = ['--filter', 'type=builder', '--format', '{{json .}}'];
  const events = await dockerOk(engine, ['events', '--since', since, '--until', until, ...filters]);
  const { Action, Actor } = JSON.parse(events);
  assert.deepEqual([Action, Actor.Attributes.reclaimed], ['prune', String(SpaceReclaimed)]);
});

test('the parameters of the wire: remote, squash, isolation, cachefrom, hosts, labels', async () => {
  const Dockerfile = 'FROM bb\nRUN echo one > /one\nRUN grep -c added /etc/hosts > /two\nLABEL a=b\n';
  const server = createServer((_, response) => response.end(Dockerfile));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const remote = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/some`;
  const parameters = {
    remote,
    squash: '1',
    isolation: 'default',
    cachefrom: JSON.stringify(['nothing-of-this-name:1']),
    extrahosts: 'added:10.0.0.1',
    labels: JSON.stringify({ c: 'd' }),
    t: 'parameters:1',
    rm: '1',
    forcerm: '1',
  };
  const built = await streamBuild(engine.socket, Readable.from([]), { parameters });
  server.close();
  assert.equal(built.error, undefined);
  const [image] = JSON.parse(await dockerOk(engine, ['image', 'inspect', 'parameters:1']));
  assert.equal(image.RootFS.Layers.length, 2);
  assert.deepEqual(image.Config.Labels, { a: 'b', c: 'd' });
  assert.equal(await sh('parameters:1', 'cat /one /two'), 'one\n1');
  const refused = await streamBuild(engine.socket, Readable.from([]), {
    parameters: { ...parameters, isolation: 'hyperv' },
  });
  assert.match(refused.error ?? '', /isolation/);
});

test('a client that goes away stops its build; kill -9 leaves nothing, and the cache holds', async () => {
  const Dockerfile = 'FROM bb\nRUN echo slow > /slow\nRUN echo begun; exec sleep 1000\n';
  const context = () => Readable.from([tarOf({ path: 'Dockerfile', content: Dockerfile, mode: 0o644 })]);
  /** Builds until the last step runs. */
  const buildUntil = async (then: () => void) =>
    await streamBuild(engine.socket, context(), {
      onLine: (text) => {
        if (text === 'begun\n') then();
      },
      signal: left.signal,
    });
  let left = new AbortController();
  const leave = () => left.abort();
  assert.equal((await buildUntil(leave)).isBroken, true);
  await untilNothingRuns();
  left = new AbortController();
  const killed = Promise.withResolvers<void>();
  await buildUntil(() => void engine.kill().then(killed.resolve, killed.reject));
  await killed.promise;
  await engine.start();
  await expectNothingLeft(engine, POOL_SIZE);
  assert.equal(cachedSteps((await buildUntil(leave)).output), 1);
  await untilNothingRuns();
});

/** No step has a bundle any more. */
async function untilNothingRuns(): Promise<void> {
  const bundles = join(engine.run, 'containers/bundles');
  await until(
    () => readdirSync(bundles).length === 0,
    () => `gone are ${readdirSync(bundles).join(' ')}`,
  );
}

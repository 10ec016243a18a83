/** Contexts that make no sense, disks that are full, and clients that go. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '../../src/oci/tar-writer.ts';
import { type TarMember, tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { until } from '#base/testing.ts';
import { streamBuild, type StreamedBuild, type StreamedOptions } from './streamed-build.ts';

const MIB = 2 ** 20;

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

const dockerfileOf = (text: string): TarMember => ({ path: 'Dockerfile', content: text, mode: 0o644 });

function build(
  daemon: TestDaemon,
  Dockerfile: string,
  files: readonly TarMember[] = [],
  options: StreamedOptions = {},
): Promise<StreamedBuild> {
  return streamBuild(daemon.socket, Readable.from([tarOf(dockerfileOf(Dockerfile), ...files)]), options);
}

test('a context with devices, pipes, links that lead out and names with newlines', async () => {
  const { error, output } = await build(
    engine,
    `FROM bb
COPY . /all/
RUN cd /all; find . ! -name Dockerfile -exec stat -c '%F %N' {} + | sort; cat out/hostname 2>&1; cat absolute
`,
    [
      { path: 'pipe', type: 'fifo', mode: 0o644 },
      { path: 'zero', type: 'character', mode: 0o666 },
      { path: 'out', type: 'symlink', linkName: '../../../../../../etc' },
      { path: 'absolute', type: 'symlink', linkName: '/etc/passwd' },
      { path: 'new\nline', content: 'newline', mode: 0o644 },
      { path: 'tab\tand \u001b[31mred', content: '', mode: 0o644 },
    ],
  );
  assert.equal(error, undefined);
  assert.match(output, /fifo/);
  assert.match(output, /regular file .*new/);
  // What a link names is the image's own.
  assert.match(output, /root:x:0:0:root:\/root:\/bin\/sh\nuser:x:1000/);
});

test('links do not lead COPY, the Dockerfile or an ignore file out of the context', async () => {
  const out = { path: 'out', type: 'symlink', linkName: '/etc/hostname' } as const;
  const copied = await build(engine, 'FROM bb\nCOPY out /out\n', [out]);
  assert.match(copied.error ?? '', /not found in build context/);
  const through = { path: 'd', type: 'symlink', linkName: '/etc' } as const;
  assert.match((await build(engine, 'FROM bb\nCOPY d/hostname /out\n', [through])).error ?? '', /not found/);
  const dockerfile = { path: 'Dockerfile', type: 'symlink', linkName: '/etc/hostname' } as const;
  const linked = await streamBuild(engine.socket, Readable.from([tarOf(dockerfile)]));
  assert.match(linked.error ?? '', /Cannot locate specified Dockerfile/);
});

test('a file of a gigabyte goes through', async () => {
  const dockerfile = 'FROM bb\nCOPY large /large\nRUN stat -c %s /large; tail -c 3 /large\n';
  const size = 1024 * MIB;
  async function* context() {
    yield tarOf(dockerfileOf(dockerfile)).subarray(0, -END_OF_ARCHIVE.length);
    yield encodeHeader({ path: 'large', type: 'file', mode: 0o644, sizeBytes: size });
    const chunk = Buffer.alloc(4 * MIB);
    for (let sent = 0; sent < size - chunk.length; sent += chunk.length) yield chunk;
    yield Buffer.concat([chunk.subarray(3), Buffer.from('end')]);
    yield Buffer.concat([paddingFor(size), END_OF_ARCHIVE]);
  }
  const { error, output } = await streamBuild(engine.socket, Readable.from(context()), {
    parameters: { t: 'large:1' },
  });
  assert.equal(error, undefined);
  assert.match(output, /1073741824\nend/);
});

test('a full disk: COPY, RUN and contexts say so, and leave room for the next build', async () => {
  const small = new TestDaemon();
  mkdirSync(small.root);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${64 * MIB}`, 'tmpfs', small.root]);
  {
    await using daemon = small;
    await daemon.start();
    await importBusybox(daemon);
    const free = () => statfsSync(daemon.root).bavail * statfsSync(daemon.root).bsize;
    const before = free();
    const large = { path: 'large', content: Buffer.alloc(30 * MIB, 'x'), mode: 0o644 };
    const tooLarge = { ...large, content: Buffer.alloc(70 * MIB, 'x') };
    assert.match((await build(daemon, 'FROM bb\n', [tooLarge])).error ?? '', /no space left/i);
    assert.match(
      (await build(daemon, 'FROM bb\nCOPY large /large\n', [large])).error ?? '',
      /no space left/i,
    );
    const run = await build(daemon, 'FROM bb\nRUN dd if=/dev/zero of=/big bs=1M count=100\n');
    assert.match(run.output + run.error, /no space left/i);
    assert.match(run.error ?? '', /returned a non-zero code: 1/);
    // What was written is deleted off the build's path.
    await until(
      () => free() >= before - 2 * MIB,
      () => `${free()} bytes are free, of ${before}`,
    );
    assert.equal((await build(daemon, 'FROM bb\nRUN echo fits > /small\n')).error, undefined);
  }
});

test('a client that goes stops what only it waits for: commands and downloads', async () => {
  const server = createServer((_, response) => response.write('never ends'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/file`;
    const left = new AbortController();
    const closed = new Promise<void>((resolve) => {
      server.on('connection', (socket) => socket.once('close', () => resolve()));
      server.on('request', () => setImmediate(() => left.abort()));
    });
    const gone = await build(engine, `FROM bb\nADD ${url} /f\n`, [], { signal: left.signal });
    assert.equal(gone.isBroken, true);
    await closed;
    const leaving = new AbortController();
    await build(engine, 'FROM bb\nRUN echo runs; sleep 1000\n', [], {
      signal: leaving.signal,
      onLine: (text) => {
        if (text.includes('runs\n')) leaving.abort();
      },
    });
    await untilNothingRuns();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

async function untilNothingRuns(): Promise<void> {
  const bundles = join(engine.run, 'containers/bundles');
  await until(
    () => readdirSync(bundles).length === 0,
    () => `gone are ${readdirSync(bundles).join(' ')}`,
  );
}

test('archives that end early or are none; Dockerfiles that are none', async () => {
  const whole = tarOf(dockerfileOf('FROM bb\nCOPY f /f\n'), {
    path: 'f',
    content: Buffer.alloc(5000),
    mode: 0o644,
  });
  const cut = await streamBuild(engine.socket, Readable.from([whole.subarray(0, 2000)]));
  assert.match(cut.error ?? '', /unexpected EOF/);
  const text = await streamBuild(engine.socket, Readable.from([Buffer.alloc(3000, 'no archive')]));
  assert.match(text.error ?? '', /Cannot read tar archive/);
  assert.match((await build(engine, ' \n')).error ?? '', /cannot be empty/);
  assert.match((await build(engine, 'RUN true\n')).error ?? '', /no build stage in current context/);
  await dockerOk(engine, ['version']);
});

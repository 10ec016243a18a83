/**
 * What may never be read again: secrets, what an agent says, passwords of proxies, registries and URLs. After builds
 * that
 * end, fail, are cached, exported and killed it is in no file of the engine, and in nothing that it gave to a client.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { DirectorySink } from '../../src/cli/build/output-files.ts';
import type { BuildProviders } from '../../src/client/build/providers.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox, runProgram } from '../support/docker.ts';
import { mountsBelow } from '../support/leftovers.ts';
import { Served } from '../registry-server/served.ts';
import { wireBuild, type WireBuildWish } from './wire-build.ts';

/** Whatever is said with it may only be in memory. */
const hidden = (name: string) => `hidden-${name}-${randomBytes(12).toString('hex')}`;

const VALUES = {
  file: hidden('file'),
  variable: hidden('variable'),
  agent: hidden('agent'),
  proxy: hidden('proxy'),
  registry: hidden('registry'),
};

const scratch = mkdtempSync('/tmp/caisson-secrets-');
let engine: TestDaemon;
let registry: Served;
let files: Server;
let origin = '';

before(async () => {
  registry = await Served.start();
  files = createServer((_, response) => response.end('fetched\n'));
  files.listen(0, '127.0.0.1');
  await once(files, 'listening');
  const address = files.address();
  origin = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  engine = await TestDaemon.start('--log-level', 'debug');
  await importBusybox(engine);
});

after(async () => {
  rmSync(scratch, { recursive: true, force: true });
  files.closeAllConnections();
  files.close();
  await using _registry = registry;
  await engine[Symbol.asyncDispose]();
});

const providers: Partial<BuildProviders> = {
  secret: (name) => Promise.resolve(Buffer.from(name === 'file' ? VALUES.file : VALUES.variable)),
  hasSshAgent: () => true,
  openSshAgent: () => Promise.resolve(agent()),
  credentials: () => Promise.resolve({ username: 'somebody', password: VALUES.registry }),
  createFile: (output) => {
    const fd = openSync(join(scratch, `file-${output}`), 'w');
    return {
      write: (chunk) => void writeSync(fd, chunk),
      finish: () => Promise.resolve(),
      [Symbol.dispose]: () => closeSync(fd),
    };
  },
  createTree: (output) => new DirectorySink(join(scratch, `tree-${output}`)),
};

function agent(): Duplex {
  const stream = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      stream.push(VALUES.agent);
      done();
    },
  });
  return stream;
}

const MOUNTS = '--mount=type=secret,id=file --mount=type=secret,id=variable,env=VARIABLE --mount=type=ssh';

const wish = (end = ''): WireBuildWish => ({
  Dockerfile: `FROM bb
ARG PLAIN
ADD http://somebody:$PLAIN@${origin}/f /f
RUN ${MOUNTS} test "$(wc -c < /run/secrets/file)" -gt 9; test -n "$VARIABLE" -a -n "$HTTP_PROXY"; echo used > /used
${end}`,
  // The arguments of proxies are the only ones that are kept secret.
  buildArgs: {
    PLAIN: 'plain-password',
    HTTP_PROXY: `http://somebody:${VALUES.proxy}@127.0.0.1:1`,
    no_proxy: '127.0.0.1',
  },
  providers,
});

test('builds that end, in every form', async () => {
  const name = `${registry.registry.address}/secrets/built:1`;
  const cache = `${registry.registry.address}/secrets/cache:1`;
  const attestations = { provenance: { mode: 'max' }, sbom: {} };
  await wireBuild(engine, {
    ...wish(),
    references: [name],
    attestations,
    outputs: [
      { type: 'image', attributes: { push: 'true' } },
      { type: 'oci', attributes: { tar: 'false', compression: 'uncompressed' } },
      { type: 'tar', attributes: {} },
      { type: 'local', attributes: {} },
    ],
    cacheTo: [
      { type: 'local', attributes: { dest: 'x', mode: 'max', compression: 'uncompressed' } },
      { type: 'registry', attributes: { ref: cache, mode: 'max' } },
      { type: 'inline', attributes: {} },
    ],
  });
  await expectHidden();
  const { cached } = await wireBuild(engine, { ...wish(), references: ['cached:1'] });
  assert.equal(cached.filter((step) => /RUN|ADD/.test(step)).length, 2, cached.join());
  await expectHidden();
});

test('a build that fails', async () => {
  const failing = wireBuild(engine, wish(`RUN ${MOUNTS} echo failing; exit 3\n`));
  await assert.rejects(failing, /exit code: 3/);
  await expectHidden();
});

test('by the clients of Docker', async () => {
  const context = join(scratch, 'context');
  mkdirSync(context);
  const { Dockerfile, buildArgs = {} } = wish();
  writeFileSync(join(context, 'Dockerfile'), Dockerfile.replaceAll(' --mount=type=ssh', ''));
  const secret = join(engine.directory, '..', `${basename(scratch)}.secret`);
  writeFileSync(secret, VALUES.file);
  try {
    const args = Object.entries(buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    const env = { DOCKER_BUILDKIT: '1', SECRET_VARIABLE: VALUES.variable };
    const secrets = ['--secret', `id=file,src=${secret}`, '--secret', 'id=variable,env=SECRET_VARIABLE'];
    const common = ['--network', 'none', ...args, '-t', 'docker:1'];
    await dockerOk(engine, ['build', ...common, ...secrets, '--provenance=mode=max', context], { env });
    writeFileSync(
      join(context, 'Dockerfile'),
      'FROM bb\nRUN test -n "$HTTP_PROXY"; echo classic > /classic\n',
    );
    await dockerOk(engine, ['build', ...common, context], { env: { DOCKER_BUILDKIT: '0' } });
  } finally {
    rmSync(secret);
  }
  await expectHidden();
});

test('a daemon that is killed while a command has them all', async () => {
  const heard = Promise.withResolvers<void>();
  const building = wireBuild(engine, {
    ...wish(`RUN ${MOUNTS} echo waiting; exec sleep 1000\n`),
    onEvent: (_, data) => {
      if (data.includes('waiting\n')) heard.resolve();
    },
  });
  const ended = assert.rejects(building);
  await heard.promise;
  assert.equal(await ask(pathBelow(join(engine.root, 'builds'), 'agent')), VALUES.agent);
  await engine.kill();
  await ended;
  await expectHidden();
  await engine.start();
  await expectHidden(engine.run);
});

async function ask(path: string): Promise<string> {
  const socket = connect(path);
  socket.write('sign this');
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}

function pathBelow(directory: string, name: string): string {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return join(directory, found.find((path) => basename(path) === name) ?? '');
}

/** Expects no secret, plain or in base64, on the disk of engine, logs, clients and registry. */
async function expectHidden(...more: readonly string[]): Promise<void> {
  const places = [engine.root, engine.logPath, scratch, registry.root, ...more];
  // The search finds what there is.
  assert.notDeepEqual(await filesWith(['plain-password'], places), []);
  const forms = Object.values(VALUES).flatMap((value) => [value, ...base64Of(value)]);
  assert.deepEqual(await filesWith(forms, places), []);
}

/** The forms that a value has within a longer text in base64, wherever it begins. */
function base64Of(value: string): readonly string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from(' '.repeat(before) + value).toString('base64');
    return encoded.slice(before === 0 ? 0 : 4, -4);
  });
}

/** Mounts in there are memory. */
async function filesWith(texts: readonly string[], places: readonly string[]): Promise<readonly string[]> {
  const patterns = texts.flatMap((pattern) => ['-e', pattern]);
  // They may go while the search is in them.
  const memory = mountsBelow(engine.root);
  const { stdout } = await runProgram('grep', ['-rlasF', ...patterns, ...places]);
  return stdout
    .split('\n')
    .filter((path) => path !== '' && !memory.some(({ target }) => path.startsWith(`${target}/`)));
}

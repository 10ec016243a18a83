/**
 * Graphs of clients (LLB), and what clients that lead a build ask besides. The definitions are those of BuildKit's own
 * client library (`test/fixtures/graphs/states.go`). With `CAISSON_PEERS=check`, Debian's dockerd is asked as well; with
 * `CAISSON_PEERS=write`, what it answers becomes what is expected, to be reviewed.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeRegistry } from '../../src/registry/fake-registry.fixture.ts';
import { fromGoFileMode } from '../../src/wire/go-file-mode.ts';
import type { InputOf } from '../../src/wire/buildkit/message.ts';
import { Definition, type DefinitionInput, NONE, Op } from '../../src/wire/buildkit/ops.ts';
import { tarOf } from '../fixtures/tar.ts';
import { BuildkitClient, type LedBuild, type Status } from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import type { Subject } from '../support/subject.ts';

const peers = process.env['CAISSON_PEERS'] ?? '';
const fixture = (name: string) => new URL(`../fixtures/graphs/${name}`, import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(fixture(name), 'utf8'));
const definitions: Readonly<Record<string, string>> = read('definitions.json');
/** Lines of the trees, or what the failure says. */
const expected: Record<string, readonly string[]> = read('expected.json');

const servers = new AsyncDisposableStack();
const subjects = new Map<string, Subject>();
const scratch = mkdtempSync('/tmp/caisson-graph-');
const context = join(scratch, 'context');

before(async () => {
  mkdirSync(join(context, 'sub'), { recursive: true });
  writeFileSync(join(context, 'a'), 'a\n', { mode: 0o644 });
  writeFileSync(join(context, 'x.log'), 'log\n', { mode: 0o644 });
  writeFileSync(join(context, 'sub/s'), 's\n', { mode: 0o644 });
  symlinkSync('sub/s', join(context, 'link'));
  // Only with this store BuildKit merges and compares.
  const store = { features: { 'containerd-snapshotter': true } };
  if (peers !== '') subjects.set('dockerd', servers.use(await DockerDaemon.start(store)));
  if (peers !== 'write') subjects.set('ours', servers.use(await TestDaemon.start()));
  for (const subject of subjects.values()) await importBusybox(subject);
});

after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
  if (peers === 'write')
    writeFileSync(fixture('expected.json'), `${JSON.stringify(expected, undefined, 2)}\n`);
});

function definitionOf(name: string): DefinitionInput {
  const { def, metadata } = Definition.decode(Buffer.from(definitions[name] ?? '', 'base64'));
  const described = [...metadata].map(([digest, known]) => [
    digest,
    { ignoreCache: known?.ignoreCache === true, description: Object.fromEntries(known?.description ?? []) },
  ]);
  return { def, metadata: Object.fromEntries(described) };
}

async function connect(subject: Subject): Promise<BuildkitClient> {
  return await BuildkitClient.connect(subject, {
    directories: { context },
    secrets: { sec: 'hidden' },
  });
}

/** One line a file: its path, mode, owner, and what it holds or leads to. */
async function treeOf(build: LedBuild, ref: string, directory = '/'): Promise<readonly string[]> {
  const lines: string[] = [];
  const entries = await build.readDirectory(ref, directory);
  for (const { path, mode, uid, gid, linkname } of entries) {
    const place = join(directory, path);
    const type = fromGoFileMode(mode) & 0o170000;
    const line = `${place} ${fromGoFileMode(mode).toString(8)} ${uid}:${gid}`;
    if (type === 0o120000) lines.push(`${line} -> ${linkname}`);
    else if (type === 0o100000)
      lines.push(`${line} ${JSON.stringify(String(await build.readFile(ref, place)))}`);
    else lines.push(line, ...(await treeOf(build, ref, place)));
  }
  return lines;
}

/** Places of the peer's are nobody's business. */
function failureOf(error: unknown): readonly string[] {
  const text = error instanceof Error ? error.message : String(error);
  return [
    `failed: ${text.replaceAll(/\/tmp\/\S*?\/(?:fs|merged|diff|buildkit\d+|buildkit-mount\d+)(?=\/)/g, '')}`,
  ];
}

async function answerOf(client: BuildkitClient, name: string): Promise<readonly string[]> {
  let lines: readonly string[] = [];
  const { told } = await client.build({}, async (build) => {
    const { ref } = await build.solve({ Definition: definitionOf(name) });
    lines = await treeOf(build, ref?.id ?? '').catch(failureOf);
    return {};
  });
  assert.ok(told.length > 0);
  return lines;
}

describe('what graphs lead to', () => {
  for (const name of Object.keys(definitions))
    test(name, async () => {
      for (const subject of subjects.values()) {
        using client = await connect(subject);
        const answer = await answerOf(client, name);
        if (peers === 'write') expected[name] = answer;
        else assert.deepEqual(answer, expected[name]);
      }
    });
});

const BB = 'docker.io/library/bb:latest';

/** A graph of these operations, each of which may name those before it by their numbers. */
function graphOf(
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

const from = (digest: string | undefined) => ({ digest: digest ?? '', index: 0 });
const image = () => ({ source: { identifier: `docker-image://${BB}` } });
const ROOT = { input: 0, dest: '/', output: 0 };
const command =
  (script: string, more: object = {}) =>
  (digests: readonly string[]) => ({
    inputs: [from(digests.at(-1))],
    exec: { meta: { args: ['/bin/sh', '-c', script], cwd: '/' }, mounts: [ROOT], network: 2, ...more },
  });
const file =
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

/** With a client that is content with whatever `lead` looks at. */
async function look(
  subject: Subject,
  lead: (build: LedBuild) => Promise<unknown>,
): Promise<readonly Status[]> {
  using client = await connect(subject);
  const { told } = await client.build({}, async (build) => {
    await lead(build);
    return {};
  });
  return told;
}

async function solved(build: LedBuild, graph: DefinitionInput): Promise<string> {
  const { ref } = await build.solve({ Definition: graph, Evaluate: true });
  return ref?.id ?? '';
}

/** Everything that a client may ask is asked of everybody. */
function asked(name: string, ask: (subject: Subject, isOurs: boolean) => Promise<void>): void {
  test(name, async () => {
    for (const [who, subject] of subjects) await ask(subject, who === 'ours');
  });
}

/** With what they lead to. */
function names(entries: readonly { readonly path: string; readonly linkname: string }[]): readonly string[] {
  return entries.map(({ path, linkname }) => `${path}>${linkname}`);
}

describe('what clients that lead a build ask', () => {
  asked('parts of files, directories and single files, links followed', async (subject, isOurs) => {
    const graph = graphOf(
      image,
      command('mkdir /l; cd /l; echo 0123456789 > t; ln -s t s; ln -s . d; ln t u'),
    );
    await look(subject, async (build) => {
      const ref = await solved(build, graph);
      const part = async (Offset: number, Length: number) =>
        String(await build.readFile(ref, 'l/d/d/s', { Offset, Length }));
      assert.equal(await part(3, 4), '3456');
      assert.equal(await part(8, 100), '89\n');
      assert.equal(await part(100, 1), '');
      await assert.rejects(build.readFile(ref, '/nope'), {
        message: 'open /nope: no such file or directory',
      });
      await assert.rejects(build.readFile(ref, '/l'), /\/l/);
      const { path, mode, size } = (await build.statFile(ref, '/l/s')) ?? {};
      assert.deepEqual({ path, mode, size }, { path: 't', mode: 0o644, size: 11 });
      await assert.rejects(build.statFile(ref, '/x'), { message: 'lstat /x: no such file or directory' });
      assert.deepEqual(names(await build.readDirectory(ref, '/l')), ['d>.', 's>t', 't>', 'u>t']);
      assert.deepEqual(names(await build.readDirectory(ref, '/l/d', '[st]')), ['s>t', 't>']);
      await assert.rejects(build.readDirectory(ref, '/x'), /no such file or directory/);
      await assert.rejects(build.readFile('nobody', '/x'), /no such ref: nobody/);
      if (isOurs) await assert.rejects(build.readFile('', '/x'), /empty ref/);
    });
  });

  asked('nothing is done before somebody wants it, and nothing twice', async (subject) => {
    const script = 'cat /proc/sys/kernel/random/uuid > /made; echo said';
    const graph = graphOf(image, command(script), file('/f', 'f'));
    const fresh = {
      ...graph,
      metadata: Object.fromEntries(
        Object.keys(graph.metadata ?? {}).map((digest) => [digest, { ignoreCache: true }]),
      ),
    };
    const made: string[] = [];
    const told = await look(subject, async (build) => {
      await build.solve({ Definition: graphOf(image, command('exit 9')) });
      for (let count = 0; count < 2; count++)
        made.push(String(await build.readFile(await solved(build, fresh), '/made')));
      const { ref } = await build.solve({ Definition: graphOf(image, command('exit 8')) });
      await assert.rejects(build.evaluate(ref?.id ?? ''), /did not complete successfully: exit code: 8/);
    });
    assert.equal(made[0], made[1]);
    const said = told.flatMap(({ logs }) => logs).filter(({ msg }) => String(Buffer.from(msg)) === 'said\n');
    assert.equal(said.length, 1);
    const names = new Set(
      told.flatMap(({ vertexes }) => vertexes.filter(({ started }) => started).map(({ name }) => name)),
    );
    assert.ok(names.has(`/bin/sh -c ${script}`));
    assert.ok(names.has('mkfile /f'));
    assert.ok(!names.has('/bin/sh -c exit 9'));
  });

  asked('results are sources of other graphs; warnings are told', async (subject) => {
    let digest = '';
    const told = await look(subject, async (build) => {
      const { ref } = await build.solve({ Definition: graphOf(image, file('/one', '1')), Evaluate: true });
      const { def = [] } = ref?.def ?? {};
      const [first] = def;
      digest = `sha256:${createHash('sha256')
        .update(first ?? '')
        .digest('hex')}`;
      const on = def.at(-1);
      assert.ok(on);
      const onTop = Op.encode(file('/two', '2')([Op.decode(on).inputs[0]?.digest ?? '']));
      const name = `sha256:${createHash('sha256').update(onTop).digest('hex')}`;
      const graph = { def: [...def.slice(0, -1), onTop, Op.encode({ inputs: [from(name)] })] };
      const top = await solved(build, graph);
      assert.equal(String(await build.readFile(top, '/one')), '1');
      assert.equal(String(await build.readFile(top, '/two')), '2');
      await build.warn({ digest, level: 1, short: Buffer.from('take care'), url: 'http://why' });
    });
    const [warning] = told.flatMap(({ warnings }) => warnings);
    assert.equal(String(Buffer.from(warning?.short ?? '')), 'take care');
    assert.equal(warning?.vertex, digest);
    assert.equal(warning?.url, 'http://why');
  });

  asked('images: what is here, byte for byte', async (subject, isOurs) => {
    await look(subject, async (build) => {
      const { Config, Digest } = await build.resolveImage({ Ref: BB, ResolveMode: 'default' });
      const { rootfs, os } = JSON.parse(Buffer.from(Config).toString());
      assert.equal(os, 'linux');
      assert.equal(rootfs.diff_ids.length, 1);
      if (!isOurs) return;
      // It came from no registry.
      assert.equal(Digest, '');
      const id = (await dockerOk(subject, ['inspect', '-f', '{{.Id}}', BB])).replace('sha256:', '');
      assert.equal(createHash('sha256').update(Config).digest('hex'), id);
      const source = { identifier: `docker-image://${BB}` };
      const { Image } = await build.resolveSource({ Source: source });
      assert.deepEqual(Image?.Config, Config);
      await assert.rejects(build.resolveImage({ Ref: 'localhost:1/no/such:1' }), /localhost:1/);
    });
  });
});

function exporting(name: string) {
  return { Exporters: [{ Type: 'moby', Attrs: { name } }] };
}

async function only(name: string, lead: Parameters<BuildkitClient['build']>[1]) {
  const subject = subjects.get('ours');
  assert.ok(subject);
  using client = await connect(subject);
  return { subject, ...(await client.build(exporting(name), lead)) };
}

async function inspect(subject: Subject, name: string) {
  return JSON.parse(await dockerOk(subject, ['image', 'inspect', name]))[0];
}

test('a registry that wants tokens, from a client that fetches them itself', async () => {
  const subject = subjects.get('ours');
  assert.ok(subject);
  await using registry = await FakeRegistry.start(({ headers, url = '' }, response) => {
    if (headers.authorization === 'Bearer of-the-client') return false;
    const isTokenServer = url.startsWith('/token');
    const challenge = `Bearer realm="http://${headers.host}/token",service="s"`;
    response.writeHead(isTokenServer ? 403 : 401, { 'WWW-Authenticate': challenge }).end();
    return true;
  });
  const layer = tarOf({ path: 'in-it', content: 'pulled', mode: 0o644 });
  registry.addImage('a/b', 'v1', [layer]);
  const asked: unknown[] = [];
  using client = await BuildkitClient.connect(subject, {
    token: ({ Host, Realm, Service, Scopes }) => {
      asked.push({ Host, Realm, Service, Scopes });
      return 'of-the-client';
    },
  });
  await client.build({}, async (build) => {
    const identifier = `docker-image://${registry.host}/a/b:v1`;
    const { Digest } = await build.resolveImage({ Ref: `${registry.host}/a/b:v1` });
    assert.match(Digest, /^sha256:[0-9a-f]{64}$/);
    const ref = await solved(
      build,
      graphOf(() => ({ source: { identifier } })),
    );
    assert.equal(String(await build.readFile(ref, '/in-it')), 'pulled');
    return {};
  });
  const wanted = { Host: registry.host, Realm: `http://${registry.host}/token`, Service: 's' };
  assert.deepEqual(asked, [{ ...wanted, Scopes: ['repository:a/b:pull'] }]);
  using stranger = await connect(subject);
  await assert.rejects(
    stranger.build({}, async (build) => {
      await build.resolveImage({ Ref: `${registry.host}/a/b:v1`, ResolveMode: 'pull' });
      return {};
    }),
    /403|denied|forbidden|unauthorized/i,
  );
});

describe('what graphs are exported as', () => {
  const config = {
    os: 'linux',
    architecture: 'amd64',
    config: { Env: ['A=b'], Cmd: ['cat', '/made'], Labels: { l: 'm' } },
    history: [{ created_by: 'base' }, { created_by: 'env', empty_layer: true }],
  };
  const graph = graphOf(image, command('echo made > /made'), file('/f', 'f'));
  test('an image with the configuration that the client returns', async () => {
    const { subject, response } = await only('graph:config', async (build) => ({
      ref: { id: await solved(build, graph) },
      metadata: { 'containerimage.config': Buffer.from(JSON.stringify(config)) },
    }));
    const { Id, Config, RootFS } = await inspect(subject, 'graph:config');
    assert.equal(response.get('containerimage.config.digest'), Id);
    assert.deepEqual([Config.Env, Config.Cmd, Config.Labels], [['A=b'], ['cat', '/made'], { l: 'm' }]);
    assert.equal(RootFS.Layers.length, 3);
    assert.equal(await dockerOk(subject, ['run', '--rm', '--network', 'none', 'graph:config']), 'made');
    const history = await dockerOk(subject, [
      'history',
      '--no-trunc',
      '--format',
      '{{.CreatedBy}}',
      'graph:config',
    ]);
    assert.deepEqual(history.split('\n'), [
      'mkfile /f',
      'mount / from exec /bin/sh -c echo made > /made',
      'env',
      'base',
    ]);
  });

  test('without one: the layers tell what made them', async () => {
    const { subject } = await only('graph:plain', async (build) => ({
      ref: { id: await solved(build, graph) },
    }));
    const { Config, Architecture } = await inspect(subject, 'graph:plain');
    assert.match(Config.Env[0], /^PATH=/);
    assert.equal(Architecture, process.arch === 'x64' ? 'amd64' : process.arch);
  });

  test('nothing at all, and what cannot be a configuration', async () => {
    const { subject } = await only('graph:empty', async () => ({ ref: {} }));
    assert.deepEqual((await inspect(subject, 'graph:empty')).RootFS.Layers ?? [], []);
    for (const given of ['{"os":', '{"os":"linux"}', '[]'])
      await assert.rejects(
        only('graph:bad', async (build) => ({
          ref: { id: await solved(build, graph) },
          metadata: { 'containerimage.config': Buffer.from(given) },
        })),
        /invalid image config for export/,
      );
  });

  test('several platforms, each of a graph of its own', async () => {
    const platforms = ['linux/amd64', 'linux/arm64'];
    const { subject } = await only('graph:platforms', async (build) => {
      const refs = platforms.map(
        async (name) => [name, { id: await solved(build, graphOf(file('/p', name))) }] as const,
      );
      const configs = platforms.map((name) => {
        const [os, architecture] = name.split('/');
        return [`containerimage.config/${name}`, Buffer.from(JSON.stringify({ os, architecture }))] as const;
      });
      const Platforms = platforms.map((ID) => ({ ID, Platform: {} }));
      return {
        refs: { refs: Object.fromEntries(await Promise.all(refs)) },
        metadata: {
          ...Object.fromEntries(configs),
          'refs.platforms': Buffer.from(JSON.stringify({ Platforms })),
        },
      };
    });
    for (const platform of platforms) {
      const create = ['create', '--platform', platform, '--network', 'none', 'graph:platforms', '/none'];
      const id = await dockerOk(subject, create);
      const target = join(scratch, 'p');
      await dockerOk(subject, ['cp', `${id}:/p`, target]);
      assert.equal(readFileSync(target, 'utf8'), platform);
      rmSync(target);
      await dockerOk(subject, ['rm', id]);
    }
  });

  test('without anybody to lead it', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    using client = await connect(subject);
    const { told } = await client.solve({ Definition: graph, ...exporting('graph:alone') });
    assert.equal(
      await dockerOk(subject, ['run', '--rm', '--network', 'none', 'graph:alone', 'cat', '/made']),
      'made',
    );
    assert.ok(told.some(({ vertexes }) => vertexes.some(({ name }) => name === 'exporting to image')));
  });

  test('a base of a Dockerfile, and a stage of a Dockerfile as the base of a graph', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    const directory = join(scratch, 'dockerfile');
    mkdirSync(directory);
    writeFileSync(join(directory, 'Dockerfile'), 'FROM made\nRUN --network=none cat /f > /g\n');
    using client = await BuildkitClient.connect(subject, {
      directories: { context: directory, dockerfile: directory },
    });
    await client.build(exporting('graph:based'), async (build) => {
      const { ref, metadata } = await build.solve({
        Frontend: 'dockerfile.v0',
        FrontendOpt: { 'context:made': 'input:made' },
        FrontendInputs: { made: graph },
      });
      assert.equal(String(await build.readFile(ref?.id ?? '', '/g')), 'f');
      assert.equal(
        JSON.parse(Buffer.from(metadata.get('containerimage.config') ?? []).toString()).os,
        'linux',
      );
      const inputs = await build.inputs();
      assert.deepEqual([...inputs.Definitions.keys()], []);
      const { def = [] } = ref?.def ?? {};
      const [source] = def;
      assert.ok(source);
      const digest = `sha256:${createHash('sha256').update(source).digest('hex')}`;
      const above = Op.encode(file('/h', 'h')([digest]));
      const last = Op.encode({
        inputs: [from(`sha256:${createHash('sha256').update(above).digest('hex')}`)],
      });
      return { ref: { id: await solved(build, { def: [source, above, last] }) } };
    });
    const read = ['run', '--rm', '--network', 'none', 'graph:based', 'cat', '/made', '/g', '/h'];
    assert.equal(await dockerOk(subject, read), 'made\nfh');
  });

  test('provenance tells its operations as they were given, without passwords', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    await using registry = await FakeRegistry.start();
    using client = await connect(subject);
    const proxyEnv = { http_proxy: 'http://u:hunter2@proxy' };
    const secretive = graphOf(
      image,
      command('echo x > /x', { meta: { args: ['/bin/sh', '-c', 'echo x > /x'], cwd: '/', proxyEnv } }),
      file('/f', 'f'),
    );
    const Exporters = [{ Type: 'image', Attrs: { name: `${registry.host}/claimed:1`, push: 'true' } }];
    const FrontendAttrs = { 'attest:provenance': 'mode=max' };
    await client.build({ Exporters, FrontendAttrs }, async (build) => ({
      ref: { id: await solved(build, secretive) },
    }));
    const [statement] = [...registry.blobs.values()].filter((blob) => blob.includes('predicateType'));
    assert.ok(statement);
    assert.ok(!statement.includes('hunter2'));
    const { invocation, buildConfig } = JSON.parse(statement.toString()).predicate;
    assert.deepEqual(invocation.configSource, {});
    const { llbDefinition: steps } = buildConfig;
    assert.deepEqual(
      steps.map(({ op, inputs }: { op: { Op: object | null }; inputs?: string[] }) => [
        Object.keys(op.Op ?? {}),
        inputs,
      ]),
      [
        [['source'], undefined],
        [['exec'], ['step0:0']],
        [['file'], ['step1:0']],
        [[], ['step2:0']],
      ],
    );
    assert.deepEqual(steps[2].op.Op.file.actions, [
      {
        input: 0,
        secondaryInput: -1,
        output: 0,
        Action: { mkfile: { path: '/f', mode: 0o644, data: 'Zg==', timestamp: -1 } },
      },
    ]);
  });

  test('a cache of its own where nothing else is exported', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    await using registry = await FakeRegistry.start();
    using client = await connect(subject);
    const ref = `${registry.host}/cache:1`;
    const Exports = [{ Type: 'registry', Attrs: { ref } }];
    await client.build({ Cache: { Exports } }, async (build) => ({
      ref: { id: await solved(build, graph) },
    }));
    await dockerOk(subject, ['builder', 'prune', '-af']);
    await client.build({}, async (build) => {
      const CacheImports = [{ Type: 'registry', Attrs: { ref } }];
      const { ref: result } = await build.solve({ Definition: graph, Evaluate: true, CacheImports });
      assert.equal(String(await build.readFile(result?.id ?? '', '/made')), 'made\n');
      return {};
    });
    assert.ok(registry.count('GET', '/v2/cache/blobs/') > 0);
  });

  test('the cache is that of all other builds', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    const again = graphOf(image, command('echo for the cache > /made'), file('/shared', 's'));
    const cached = async () => {
      const told = await look(subject, (build) => solved(build, again));
      return told.flatMap(({ vertexes }) => vertexes.filter((one) => one.cached).map(({ name }) => name));
    };
    assert.deepEqual(await cached(), []);
    assert.deepEqual((await cached()).toSorted(), [
      '/bin/sh -c echo for the cache > /made',
      'mkfile /shared',
    ]);
    const du = await dockerOk(subject, ['system', 'df', '-v', '--format', '{{json .BuildCache}}']);
    assert.match(du, /mkfile \/shared/);
  });
});

describe('graphs that cannot be', () => {
  const twice = 'A'.repeat(64);
  const cases: readonly (readonly [name: string, graph: DefinitionInput, words: RegExp])[] = [
    ['a single operation', { def: [Op.encode(image())] }, /invalid LLB with 1 vertexes/],
    ['no result', { def: [Op.encode(image()), Op.encode({})] }, /no inputs on last vertex/],
    [
      'an input that is not there',
      { def: [Op.encode(image()), Op.encode({ inputs: [from(`sha256:${twice.toLowerCase()}`)] })] },
      /invalid missing input digest sha256:aaaa/,
    ],
    [
      'what is no digest',
      { def: [Op.encode(image()), Op.encode({ inputs: [from('../x')] })] },
      /missing input digest/,
    ],
    [
      'bytes that are no message',
      { def: [Buffer.from('ffff', 'hex'), Op.encode({ inputs: [from('x')] })] },
      /./,
    ],
    ['an unknown operation', graphOf(() => ({})), /unknown: not supported/],
    ['a graph in a graph', graphOf(() => ({ build: {} })), /BuildOp/],
    ['an unknown source', graphOf(() => ({ source: { identifier: 'ftp://x/y' } })), /ftp:\/\/x\/y/],
    [
      'a layout without a digest',
      graphOf(() => ({ source: { identifier: 'oci-layout://x' } })),
      /has no digest/,
    ],
    [
      'an output that is not there',
      graphOf(image, (digests) => ({
        inputs: [{ digest: digests[0] ?? '', index: 5 }],
        exec: { meta: { args: ['x'] }, mounts: [ROOT] },
      })),
      /has no output 5/,
    ],
    [
      'no arguments',
      graphOf(image, (digests) => ({ inputs: [from(digests[0])], exec: { mounts: [ROOT] } })),
      /no arguments/,
    ],
    [
      'two roots',
      graphOf(image, command('x', { mounts: [ROOT, { ...ROOT, output: NONE }] })),
      /more than one root/,
    ],
    [
      'a directory out of its repository',
      graphOf(() => ({ source: { identifier: 'git://localhost/x.git#main:../../etc' } })),
      /leads out of it/,
    ],
    ['no root', graphOf(image, command('x', { mounts: [] })), /nothing is mounted as its root/],
    [
      'an input of a command that is not there',
      graphOf(image, command('x', { mounts: [{ ...ROOT, input: 7 }] })),
      /has no input 7/,
    ],
    [
      "the host's network, not allowed",
      graphOf(image, command('x', { network: 1 })),
      /network.host is not allowed/,
    ],
    [
      'privileges, not allowed',
      graphOf(image, command('x', { security: 1 })),
      /security.insecure is not allowed/,
    ],
    ['devices', graphOf(image, command('x', { devices: [Buffer.from('x')] })), /devices/],
    [
      'files out of themselves',
      graphOf(image, (digests) => ({
        inputs: [from(digests[0])],
        file: {
          actions: [
            {
              input: 0,
              secondaryInput: 9,
              output: 0,
              copy: { src: '/', dest: '/', mode: NONE, timestamp: -1n },
            },
          ],
        },
      })),
      /before that is made/,
    ],
  ];
  for (const [name, graph, words] of cases)
    test(name, async () => {
      const subject = subjects.get('ours');
      assert.ok(subject);
      await look(subject, async (build) => assert.rejects(solved(build, graph), words));
    });

  test('longer than anything can be built', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    const long = Array.from({ length: 1500 }, (_, index) => file(`/${index}`, ''));
    await look(subject, async (build) =>
      assert.rejects(solved(build, graphOf(...long)), /stand on each other/),
    );
  });

  test('links in results lead nowhere else', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    const escape = graphOf(image, command('ln -s ../../../../../etc/own /h; echo own > /etc/own'));
    await look(subject, async (build) => {
      const ref = await solved(build, escape);
      assert.equal(String(await build.readFile(ref, '/../../h')), 'own\n');
      const removed = graphOf(image, command('ln -s / /out'), (digests) => ({
        inputs: [from(digests.at(-1))],
        file: {
          actions: [
            { input: 0, secondaryInput: NONE, output: 0, rm: { path: '/out/etc', allowNotFound: true } },
          ],
        },
      }));
      assert.deepEqual(await build.readDirectory(await solved(build, removed), '/', 'etc'), []);
    });
  });

  test('a client that leaves in the middle leaves nothing', async () => {
    const subject = subjects.get('ours');
    assert.ok(subject);
    const started = Promise.withResolvers<void>();
    const hear = ({ logs }: Status) => {
      if (logs.length > 0) started.resolve();
    };
    const client = await BuildkitClient.connect(subject, { hear });
    const building = client.build({}, async (build) => {
      await solved(build, graphOf(image, command('echo on; sleep 1000')));
      return {};
    });
    await started.promise;
    client[Symbol.dispose]();
    await assert.rejects(building);
    await look(subject, (build) => solved(build, graphOf(image, command('echo next'))));
  });
});

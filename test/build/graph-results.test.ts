/** What becomes of a graph: images, provenance, caches, bases of other builds. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeRegistry } from '../../src/registry/fake-registry.fixture.ts';
import { Op } from '../../src/wire/buildkit/ops.ts';
import { tarOf } from '../fixtures/tar.ts';
import { BuildkitClient } from '../support/buildkit-client.ts';
import { dockerOk } from '../support/docker.ts';
import type { Subject } from '../support/subject.ts';
import { command, file, from, graphOf, GraphSubjects, image, solved } from './graphs.ts';

let subjects: GraphSubjects;
before(async () => {
  subjects = await GraphSubjects.start();
});

after(() => subjects[Symbol.asyncDispose]());

function exporting(name: string) {
  return { Exporters: [{ Type: 'moby', Attrs: { name } }] };
}

async function only(name: string, lead: Parameters<BuildkitClient['build']>[1]) {
  const subject = subjects.ours;
  using client = await subjects.connect(subject);
  return { subject, ...(await client.build(exporting(name), lead)) };
}

async function inspect(subject: Subject, name: string) {
  return JSON.parse(await dockerOk(subject, ['image', 'inspect', name]))[0];
}

test('a registry that wants tokens, from a client that fetches them itself', async () => {
  const subject = subjects.ours;
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
  using stranger = await subjects.connect(subject);
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
      const target = join(subjects.scratch, 'p');
      await dockerOk(subject, ['cp', `${id}:/p`, target]);
      assert.equal(readFileSync(target, 'utf8'), platform);
      rmSync(target);
      await dockerOk(subject, ['rm', id]);
    }
  });

  test('without a client to lead it', async () => {
    const subject = subjects.ours;
    using client = await subjects.connect(subject);
    const { told } = await client.solve({ Definition: graph, ...exporting('graph:alone') });
    assert.equal(
      await dockerOk(subject, ['run', '--rm', '--network', 'none', 'graph:alone', 'cat', '/made']),
      'made',
    );
    assert.ok(told.some(({ vertexes }) => vertexes.some(({ name }) => name === 'exporting to image')));
  });

  test('a base of a Dockerfile, and a stage of a Dockerfile as the base of a graph', async () => {
    const subject = subjects.ours;
    const directory = join(subjects.scratch, 'dockerfile');
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
    const subject = subjects.ours;
    await using registry = await FakeRegistry.start();
    using client = await subjects.connect(subject);
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
    const subject = subjects.ours;
    await using registry = await FakeRegistry.start();
    using client = await subjects.connect(subject);
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
    const subject = subjects.ours;
    const again = graphOf(image, command('echo for the cache > /made'), file('/shared', 's'));
    const cached = async () => {
      const told = await subjects.look(subject, (build) => solved(build, again));
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

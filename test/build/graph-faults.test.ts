/** Graphs that cannot be built, clients that leave, and a daemon that is killed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type DefinitionInput, NONE, Op } from '../../src/wire/buildkit/ops.ts';
import { BuildkitClient, type Status } from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { expectNothingLeft } from './builder-leftovers.ts';
import { command, file, from, graphOf, GraphSubjects, image, names, ROOT, solved } from './graphs.ts';

let subjects: GraphSubjects;
before(async () => {
  subjects = await GraphSubjects.start();
});

after(() => subjects[Symbol.asyncDispose]());

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
      const subject = subjects.ours;
      await subjects.look(subject, async (build) => assert.rejects(solved(build, graph), words));
    });

  test('longer than anything can be built', async () => {
    const subject = subjects.ours;
    const long = Array.from({ length: 1500 }, (_, index) => file(`/${index}`, ''));
    await subjects.look(subject, async (build) =>
      assert.rejects(solved(build, graphOf(...long)), /stand on each other/),
    );
  });

  test('links in results lead nowhere else', async () => {
    const subject = subjects.ours;
    const escape = graphOf(image, command('ln -s ../../../../../etc/own /h; echo own > /etc/own'));
    await subjects.look(subject, async (build) => {
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
    const subject = subjects.ours;
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
    await subjects.look(subject, (build) => solved(build, graphOf(image, command('echo next'))));
  });
});

/** A command that reads a directory of the client's, and leaves something in a mount. */
function running(script: string): DefinitionInput {
  return graphOf(
    image,
    () => ({ source: { identifier: 'local://context' } }),
    file('/kept', 'k'),
    (digests) => ({
      inputs: [from(digests[0]), from(digests[1]), from(digests[2])],
      exec: {
        meta: { args: ['/bin/sh', '-c', script], cwd: '/' },
        mounts: [
          ROOT,
          { input: 1, dest: '/in', output: NONE, readonly: true },
          { input: 2, dest: '/out', output: 1 },
        ],
        network: 2,
      },
    }),
  );
}

test('a daemon that is killed while a command with outputs runs leaves nothing', async () => {
  const poolSize = 2;
  await using engine = await TestDaemon.start('--network-pool', String(poolSize));
  await importBusybox(engine);
  const said = Promise.withResolvers<void>();
  const hear = ({ logs }: Status) => {
    if (logs.length > 0) said.resolve();
  };
  const client = await BuildkitClient.connect(engine, { directories: { context: subjects.context }, hear });
  const building = client.build({}, async (build) => {
    await solved(build, running('echo x > /out/x; echo running; sleep 1000'));
    return {};
  });
  building.catch(() => undefined);
  await said.promise;
  await engine.kill();
  await assert.rejects(building);
  client[Symbol.dispose]();
  await engine.start();
  await expectNothingLeft(engine, poolSize);
  await subjects.look(engine, async (build) => {
    const ref = await solved(build, running('cat /in/a > /out/copied'));
    assert.deepEqual(names(await build.readDirectory(ref, '/')).slice(0, 1), ['bin>']);
  });
});

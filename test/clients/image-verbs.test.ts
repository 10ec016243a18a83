/**
 * The image verbs beside Docker's: the same command lines against both daemons, line by line the same answers, errors
 * included.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { imagesArchive } from '../fixtures/images-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import type { Subject } from '../support/subject.ts';

const servers = new AsyncDisposableStack();
let engines: readonly Subject[] = [];
let archive: Buffer;

const own = (name: string) => tarOf({ path: name, content: Buffer.alloc(100_000, name) });

const image = (reference: string, day: number, layers: readonly Buffer[], labels = {}) => ({
  reference,
  layers,
  labels,
  created: `2024-01-${10 + day}T00:00:00Z`,
});

/** Two images that share layers, one that is their base, and one apart, each newer than the one before it. */
function makeArchive(): Buffer {
  const [base, middle] = [busyboxRootTar(), tarOf({ path: 'middle', content: Buffer.alloc(500_000, 'm') })];
  return imagesArchive([
    image('base:1', 0, [base], { kind: 'b' }),
    image('app:one', 1, [base, middle, own('one')], { kind: 'a', only: 'one' }),
    image('app:two', 2, [base, middle, own('two')], { kind: 'a' }),
    image('alone:1', 3, [own('alone')]),
  ]);
}

const load = () => Promise.all(engines.map((engine) => dockerOk(engine, ['load', '-q'], { input: archive })));

/** The same to both, which must succeed. */
const prepare = (...args: readonly string[]) => Promise.all(engines.map((engine) => dockerOk(engine, args)));

/** What both answer to the same command line; what differs by its nature is left out. */
const compare = (...args: readonly string[]) => compareLines((lines) => lines, args);

/** Compares names of one image, which dockerd lists in no order. */
const compareSorted = (...args: readonly string[]) => compareLines((lines) => lines.toSorted(), args);

async function compareLines(
  order: (lines: readonly string[]) => readonly string[],
  args: readonly string[],
): Promise<string> {
  const [ours, theirs] = await Promise.all(
    engines.map(async (engine) => {
      const { exitCode, stdout, stderr } = await docker(engine, args);
      const text = `${stdout}${stderr}`.replaceAll(/container [0-9a-f]{12}/g, 'container ID');
      return { exitCode, text: order(text.split('\n')).join('\n') };
    }),
  );
  assert.ok(ours && theirs);
  assert.deepEqual(ours, theirs, args.join(' '));
  return ours.text;
}

async function clean(): Promise<void> {
  for (const engine of engines) {
    const containers = (await dockerOk(engine, ['ps', '-aq'])).split('\n').filter(Boolean);
    if (containers.length > 0) await dockerOk(engine, ['rm', '-f', ...containers]);
    const images = (await dockerOk(engine, ['images', '-aq'])).split('\n').filter(Boolean);
    if (images.length > 0) await dockerOk(engine, ['rmi', '-f', ...new Set(images)]);
  }
}

describe('image verbs', { skip: !DockerDaemon.isInstalled && 'dockerd is not installed' }, () => {
  before(async () => {
    archive = makeArchive();
    engines = [
      servers.use(await TestDaemon.start('--network-pool', '1')),
      servers.use(await DockerDaemon.start()),
    ];
  });
  after(() => servers.disposeAsync());

  test('images: filters and formats', async () => {
    await load();
    await prepare('tag', 'app:two', 'localhost:5000/x/other:v1.9');
    const filters = [
      'before=app:two since=app:one since=base:1 before=nope reference=app reference=app:o* reference=*/*',
      'reference=*:1 reference=localhost:5000/x/* reference=*/*/* label=kind label=kind=a label=only=one',
      'dangling=true dangling=maybe until=2024-01-12 until=10h until=nonsense bad=1 since=app',
    ].flatMap((line) => line.split(' '));
    for (const filter of filters)
      await compareSorted('images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}', '-f', filter);
    await compare('images', '-q', '-f', 'label=kind=a', '-f', 'since=app:one');
    await compare('images', '-q', '-f', 'reference=app', '-f', 'reference=base');
    for (const args of ['app', 'app:one', 'a*', '-q', '-q --no-trunc app:one', '--digests app:one'])
      await compare('images', ...args.split(' '));
    await compare(
      'images',
      '--format',
      'table {{.ID}}\\t{{.Size}}\\t{{.CreatedAt}}\\t{{.CreatedSince}}',
      'base',
    );
    await compare(
      'images',
      '--format',
      '{{.VirtualSize}} {{.SharedSize}} {{.UniqueSize}} {{.Containers}}',
      'base',
    );
    await clean();
  });

  test('history: formats', async () => {
    await load();
    for (const args of [
      'app:one',
      '-q app:two',
      '-H=false app:two',
      '--no-trunc app:one',
      'nope',
      'nope/x:1',
    ])
      await compare('history', ...args.split(' '));
    await compare(
      'history',
      '--format',
      '{{.ID}}|{{.CreatedBy}}|{{.CreatedAt}}|{{.Size}}|{{.Comment}}',
      'app:one',
    );
    await clean();
  });

  test('tag and rmi: names, ids, containers that stand on them', async () => {
    await load();
    const [id = ''] = await prepare('images', '-q', '--no-trunc', 'app:one');
    for (const target of ['APP:x', 'x:bad tag', 'sha256:abc', `x@${id}`, 'a'.repeat(300)])
      await compare('tag', 'app:one', target);
    await compare('tag', 'nope:1', 'x:1');
    await prepare('tag', 'app:one', 'app:latest');
    await prepare('tag', 'app:one', 'localhost:5000/x/app:v1');
    await compare('rmi', 'nope');
    await compare('rmi', 'nope:1', 'app:latest');
    await compare('rmi', '-f', 'nope');
    await compare('rmi', id);
    await prepare('create', '--name', 'stopped', 'app:one', 'true');
    await compare('rmi', 'localhost:5000/x/app:v1');
    await compare('rmi', 'app:one');
    await compare('rmi', id.slice('sha256:'.length));
    await prepare('rm', 'stopped');
    await prepare('run', '-d', '--name', 'running', '--network', 'none', 'app:one', 'sleep', '1000');
    await compare('rmi', 'app:one');
    await compare('rmi', '-f', id);
    await compare('rmi', '-f', 'app:one');
    await compare('images', '-a', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}');
    await compare('ps', '-a', '--format', '{{.Image}} {{.Names}}');
    await compare('image', 'prune', '-f');
    await prepare('rm', '-f', 'running');
    await compare('image', 'prune', '-f');
    await clean();
  });

  test('image prune: all, by label and by age', async () => {
    await load();
    await prepare('create', '--name', 'user', 'app:two', 'true');
    for (const filter of ['label=kind=b', 'label!=kind', 'until=2024-01-05', 'bad=1'])
      await compare('image', 'prune', '-af', '--filter', filter);
    await compare('image', 'prune', '-f');
    await compare('image', 'prune', '-af');
    await compare('images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}');
    await clean();
  });

  test('commit: message, author, changes; children keep their parent', async () => {
    await load();
    await prepare(
      'run',
      '--name',
      'changed',
      '--network',
      'none',
      'app:one',
      'sh',
      '-c',
      'echo hi > /new; rm /one',
    );
    const changes = ['CMD ["cat","/new"]', 'ENV X=1 Y=2', 'LABEL l=1', 'EXPOSE 80/tcp', 'USER nobody'];
    const more = [
      'ENV PATH=/opt/bin:$PATH Z=${X#0}${Y:?no}${Y/2/3}',
      'WORKDIR /w',
      'VOLUME /v',
      'ENTRYPOINT ["/bin/sh","-c"]',
    ];
    const flags = [...changes, ...more].flatMap((change) => ['-c', change]);
    await prepare('commit', '-m', 'a message', '-a', 'Ada <a@b>', ...flags, 'changed', 'made:1');
    const fields = 'Cmd Env Labels ExposedPorts User WorkingDir Volumes Entrypoint'.split(' ');
    const shown = fields.map((field) => `{{json .Config.${field}}}`).join('|');
    await compare(
      'inspect',
      '-f',
      `{{.Comment}}|{{.Author}}|{{.Size}}|{{len .RootFS.Layers}}|${shown}`,
      'made:1',
    );
    await compare('history', '--format', '{{.CreatedBy}}|{{.Size}}|{{.Comment}}', 'made:1');
    for (const change of [
      'FROM x',
      'RUN x',
      'NONSENSE',
      'STOPSIGNAL nonsense',
      'WORKDIR ""',
      'ENV B=${X:?no}',
    ])
      await compare('commit', '-c', change, 'changed', 'made:2');
    await compare('commit', 'changed', 'MADE:2');
    await compare('commit', 'nope', 'made:2');
    await compare('rmi', 'app:one');
    await prepare('rm', 'changed');
    // Its child has its layers: the name goes, the image stays.
    await compare('rmi', 'app:one');
    await compare('images', '--format', '{{.Repository}}:{{.Tag}}');
    await clean();
  });
});

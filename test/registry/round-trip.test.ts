/** Images on their way through other engines, archives and registries: they come back as they were. */
import assert from 'node:assert/strict';
import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { imagesArchive } from '../fixtures/images-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { Served } from '../registry-server/served.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, runProgram } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { requestJson } from '../support/http.ts';
import type { Subject } from '../support/subject.ts';

const NAMES = ['round/app:one', 'round/app:two', 'round/base:1'];

let ours: TestDaemon;
let registry: Served;
let scratch = '';
const servers = new AsyncDisposableStack();
before(async () => {
  scratch = mkdtempSync('/tmp/caisson-round-trip-');
  registry = servers.use(await Served.start());
  ours = servers.use(await TestDaemon.start());
});
after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
});

/** Three images that share layers. */
function archive(): Buffer {
  const [base, middle] = [busyboxRootTar(), tarOf({ path: 'middle', content: Buffer.alloc(500_000, 'm') })];
  return imagesArchive([
    {
      reference: 'round/app:one',
      created: '2024-01-03T00:00:00Z',
      layers: [base, middle, tarOf({ path: 'which', content: 'one\n' })],
    },
    {
      reference: 'round/app:two',
      created: '2024-01-02T00:00:00Z',
      layers: [base, middle, tarOf({ path: 'which', content: 'two\n' })],
    },
    { reference: 'round/base:1', created: '2024-01-01T00:00:00Z', layers: [base] },
  ]);
}

const idOf = (engine: Subject, name: string) => dockerOk(engine, ['inspect', '-f', '{{.Id}}', name]);

const idsOf = (engine: Subject) => Promise.all(NAMES.map((name) => idOf(engine, name)));

/** What a container of the image prints. */
const which = (engine: Subject, name: string) =>
  dockerOk(engine, ['run', '--rm', '--network', 'none', name, 'cat', '/which']);

const remove = (engine: Subject, ...names: readonly string[]) => dockerOk(engine, ['rmi', '-f', ...names]);

const forHistory = ['history', '--no-trunc', '--format', '{{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}}'];

interface Usage {
  readonly LayersSize: number;
  readonly Images: readonly {
    readonly Id: string;
    readonly RepoTags: readonly string[];
    readonly Size: number;
    readonly SharedSize: number;
    readonly Containers: number;
  }[];
}

async function usageOf({ socket }: Subject): Promise<object> {
  const { LayersSize, Images } = await requestJson<Usage>(socket, 'GET', '/v1.45/system/df');
  const images = Images.map(({ Id, RepoTags, Size, SharedSize, Containers }) => {
    return { Id, RepoTags, Size, SharedSize, Containers };
  });
  return { LayersSize, images: images.toSorted((a, b) => (a.Id < b.Id ? -1 : 1)) };
}

/** What is printed of images: the table of containers is as wide as their ages. */
async function textOf(engine: Subject, args: readonly string[]): Promise<string> {
  return (await dockerOk(engine, args)).split('\nContainers space usage')[0] ?? '';
}

async function save(engine: Subject, name: string, images: readonly string[] = NAMES): Promise<string> {
  const path = join(scratch, name);
  await dockerOk(engine, ['save', '-o', path, ...images]);
  return path;
}

test('podman and skopeo read what is saved here', async () => {
  await dockerOk(ours, ['load', '-q'], { input: archive() });
  const [one] = await idsOf(ours);
  const saved = await save(ours, 'for-skopeo.tar');
  for (const form of [`docker-archive:${saved}:round/app:one`, `oci-archive:${saved}:one`]) {
    const into = join(scratch, 'skopeo');
    const copied = await runProgram('skopeo', ['copy', '-q', form, `dir:${into}`]);
    assert.equal(copied.exitCode, 0, copied.stderr);
    const raw = await runProgram('skopeo', ['inspect', '--raw', `dir:${into}`]);
    assert.equal(JSON.parse(raw.stdout).config.digest, one, form);
    rmSync(into, { recursive: true });
  }
  if (!existsSync('/usr/bin/podman')) return;
  const storage = ['--root', join(scratch, 'podman'), '--runroot', join(scratch, 'podman-run')];
  const podman = (...args: readonly string[]) =>
    runProgram('podman', [...storage, '--storage-driver', 'vfs', ...args]);
  const loaded = await podman('load', '-q', '-i', saved);
  assert.equal(loaded.exitCode, 0, loaded.stderr);
  for (const name of NAMES) {
    const found = await podman('inspect', '-f', '{{.Id}}', name);
    assert.equal(`sha256:${found.stdout.trim()}`, await idOf(ours, name), name);
  }
  await remove(ours, ...NAMES);
});

describe('with Docker', { skip: !DockerDaemon.isInstalled && 'dockerd is not installed' }, () => {
  let theirs: DockerDaemon;
  before(async () => {
    theirs = await DockerDaemon.start();
  });
  after(() => theirs[Symbol.asyncDispose]());

  test('both tell the same of the same images, and how much they share', async () => {
    for (const engine of [ours, theirs]) {
      await dockerOk(engine, ['load', '-q'], { input: archive() });
      await dockerOk(engine, ['create', '--name', 'user', 'round/app:one']);
    }
    assert.deepEqual(await usageOf(ours), await usageOf(theirs));
    for (const args of [
      ['system', 'df'],
      ['system', 'df', '-v'],
      [...forHistory, 'round/app:two'],
    ])
      assert.equal(await textOf(ours, args), await textOf(theirs, args), args.join(' '));
    for (const engine of [ours, theirs]) {
      await dockerOk(engine, ['rm', 'user']);
      await remove(engine, ...NAMES);
    }
  });

  test('the archives of both hold the same, byte for byte where it matters', async () => {
    const [mine, others] = await Promise.all(
      [ours, theirs].map(async (engine, index) => {
        await dockerOk(engine, ['load', '-q'], { input: archive() });
        const saved = await save(engine, `same-${index}.tar`);
        const read = async (...args: readonly string[]) =>
          (await runProgram('tar', [...args, '-f', saved])).stdout;
        const files = {
          list: (await read('-t')).split('\n').toSorted(),
          index: inOrder(JSON.parse(await read('-xO', 'index.json')).manifests),
        };
        const [manifest, repositories] = [
          await read('-xO', 'manifest.json'),
          await read('-xO', 'repositories'),
        ];
        await remove(engine, ...NAMES);
        return { ...files, manifest: inOrder(JSON.parse(manifest)), repositories: JSON.parse(repositories) };
      }),
    );
    assert.ok(mine && others);
    assert.deepEqual({ ...mine, list: [] }, { ...others, list: [] });
    // Docker's archive has its images of before version 1.10 too; ours has nothing that Docker's has not.
    assert.deepEqual(
      mine.list.filter((path) => !others.list.includes(path)),
      [],
    );
  });

  test('saved by one, loaded and run by the other', async () => {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await dockerOk(from, ['load', '-q'], { input: archive() });
      const ids = await idsOf(from);
      const saved = await save(from, 'saved.tar');
      const loaded = await dockerOk(to, ['load', '-q', '-i', saved]);
      assert.deepEqual(
        loaded.split('\n').toSorted(),
        NAMES.map((name) => `Loaded image: ${name}`).toSorted(),
      );
      assert.deepEqual(await idsOf(to), ids);
      assert.equal(await which(to, 'round/app:two'), 'two');
      // Without a name, by id.
      const byId = await save(from, 'by-id.tar', [ids[0] ?? '']);
      await remove(to, ...NAMES);
      assert.equal(await dockerOk(to, ['load', '-q', '-i', byId]), `Loaded image ID: ${ids[0]}`);
      await remove(to, ids[0] ?? '');
      await remove(from, ...NAMES);
    }
  });

  test('built here → pushed → pulled by Docker → pushed → pulled here', async () => {
    const name = `${registry.registry.address}/round/built:1`;
    await dockerOk(ours, ['import', '-', 'bb:latest'], { input: busyboxRootTar() });
    const context = tarOf(
      {
        path: 'Dockerfile',
        content: 'FROM bb\nLABEL made=here\nCOPY which /which\nRUN echo built >> /which\n',
      },
      { path: 'which', content: 'copied\n' },
    );
    const env = { DOCKER_BUILDKIT: '0' };
    await dockerOk(ours, ['build', '-q', '--network', 'none', '-t', name, '-'], { input: context, env });
    const id = await idOf(ours, name);
    const pushed = await dockerOk(ours, ['push', name]);
    const [digest] = /sha256:[0-9a-f]{64}/.exec(pushed) ?? [];
    assert.match(await dockerOk(theirs, ['pull', name]), new RegExp(`Digest: ${digest}`));
    assert.equal(await idOf(theirs, name), id);
    assert.equal(await which(theirs, name), 'copied\nbuilt');
    // Docker makes its own manifest: other bytes, and the same image.
    const second = name.replace('built', 'second');
    await dockerOk(theirs, ['tag', name, second]);
    const again = await dockerOk(theirs, ['push', second]);
    const [theirDigest] = /sha256:[0-9a-f]{64}/.exec(again) ?? [];
    await remove(ours, name);
    assert.match(await dockerOk(ours, ['pull', second]), new RegExp(`Digest: ${theirDigest}`));
    assert.equal(await idOf(ours, second), id);
    assert.equal(await which(ours, second), 'copied\nbuilt');
    // What came from Docker goes on byte for byte.
    const third = name.replace('built', 'third');
    await dockerOk(ours, ['tag', second, third]);
    assert.match(await dockerOk(ours, ['push', third]), new RegExp(`digest: ${theirDigest}`));
    // Layers as they came, compressed, in an archive that Docker reads.
    await remove(theirs, name, second);
    await dockerOk(theirs, ['load', '-q', '-i', await save(ours, 'compressed.tar', [third])]);
    assert.equal(await idOf(theirs, third), id);
    await remove(theirs, third);
    await remove(ours, second, third, 'bb:latest');
  });

  test('a container exported by one is imported by the other', async () => {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await dockerOk(from, ['load', '-q'], { input: archive() });
      const made = ['create', '--name', 'exported', 'round/app:one', 'true'];
      await dockerOk(from, made);
      const exported = join(scratch, 'exported.tar');
      await dockerOk(from, ['export', '-o', exported, 'exported']);
      await dockerOk(from, ['rm', 'exported']);
      const changes = ['-c', 'CMD ["cat", "/which"]', '-c', 'ENV A=b', '-m', 'a message'];
      await dockerOk(to, ['import', ...changes, '-', 'round/imported:1'], {
        input: createReadStream(exported),
      });
      assert.equal(await dockerOk(to, ['run', '--rm', '--network', 'none', 'round/imported:1']), 'one');
      assert.equal(
        await dockerOk(to, [
          'inspect',
          '-f',
          '{{json .Config.Cmd}} {{.Config.Env}} {{.Comment}}',
          'round/imported:1',
        ]),
        '["cat","/which"] [A=b] a message',
      );
      await remove(to, 'round/imported:1');
      await remove(from, ...NAMES);
    }
  });
});

test('an archive cut short loads nothing', async () => {
  const whole = archive();
  writeFileSync(join(scratch, 'cut.tar'), whole.subarray(0, whole.length - 20_000));
  const outcome = await docker(ours, ['load', '-q', '-i', join(scratch, 'cut.tar')]);
  assert.notEqual(outcome.exitCode, 0);
  assert.equal(await dockerOk(ours, ['images', '-aq']), '');
});

/** dockerd saves images in no order. */
function inOrder(entries: readonly unknown[]): readonly unknown[] {
  return entries.toSorted((one, other) => nameIn(one).localeCompare(nameIn(other)));
}

function nameIn(entry: unknown): string {
  return /round\/\w+:\w+/.exec(JSON.stringify(entry))?.[0] ?? '';
}

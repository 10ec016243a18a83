import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import type { Volumes, VolumeSpec, VolumeView } from '#volume/volume.ts';
import type { HostConfig, MountRequest } from '#wire/container.ts';
import { requireBindSources } from './bind-source.ts';
import type { MountPlan } from './mount-plan.ts';
import { planMounts, releaseMounts, resolveMounts, showMounts, volumesOf } from './mounts.ts';

type Wanted = Partial<Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>>;

function plan(wanted: Wanted, volumes: string[] = [], others: Record<string, MountPlan> = {}): MountPlan {
  return planMounts({
    config: { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
    hostConfig: { Binds: null, Mounts: null, VolumesFrom: null, VolumeDriver: '', ...wanted },
    planOf: (reference) => {
      const other = others[reference];
      if (other) return other;
      throw new Error(`No such container: ${reference}`);
    },
  });
}

function refuse(message: string | RegExp, wanted: Wanted): void {
  assert.throws(() => plan(wanted), { message }, String(message));
}

function refuseMount(mount: Partial<MountRequest>, message: string): void {
  refuse(message, { Mounts: [{ Target: '/x', Type: 'bind', ...mount }] });
}

function tmpfsOptions(wanted: Wanted): readonly string[] {
  return plan(wanted).mounts.map((mount) => (mount.type === 'tmpfs' ? mount.options.join() : ''));
}

describe('-v', () => {
  test('means a bind, a named or an anonymous volume', () => {
    const { mounts } = plan({ Binds: ['/tmp/../tmp/:/a/./b/', 'data:/c:ro,nocopy', '/d'] });
    assert.deepEqual(mounts[0], {
      type: 'bind',
      destination: '/a/b',
      source: '/tmp',
      readonly: false,
      readonlyRecursive: true,
      recursive: true,
      propagation: 'rprivate',
      mode: '',
      createSource: true,
    });
    const [, named, anonymous] = mounts;
    assert.ok(named?.type === 'volume' && anonymous?.type === 'volume');
    assert.deepEqual(
      [named.name, named.readonly, named.copyUp, named.anonymous, named.mode],
      ['data', true, false, false, 'ro,nocopy'],
    );
    assert.match(anonymous.name, /^[0-9a-f]{64}$/);
    assert.ok(anonymous.anonymous && anonymous.copyUp);
  });

  test('that is wrong is refused with Docker’s words', () => {
    const cases: readonly (readonly [bind: string, message: string])[] = [
      ['', "invalid volume specification: ''"],
      ['/x:ro', "invalid volume specification: '/x:ro'"],
      [':/a', "invalid volume specification: ':/a'"],
      ['vol:', "invalid volume specification: 'vol:'"],
      ['vol:/b:ro:x', "invalid volume specification: 'vol:/b:ro:x'"],
      ['/a:/b:rw,ro', 'invalid mode: rw,ro'],
      ['/a:/b:zzz', 'invalid mode: zzz'],
      ['/a:/b:rslave,shared', 'invalid mode: rslave,shared'],
      [
        'vol:b',
        "invalid volume specification: 'vol:b': invalid mount config for type \"volume\": invalid mount path: 'b' mount path must be absolute",
      ],
      [
        '/x:/',
        "invalid volume specification: '/x:/': invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
      ],
      [
        'vol:/b:rshared',
        'invalid volume specification: \'vol:/b:rshared\': invalid mount config for type "volume": field BindOptions must not be specified',
      ],
      [
        '/a:/b:nocopy',
        'invalid volume specification: \'/a:/b:nocopy\': invalid mount config for type "bind": field VolumeOptions must not be specified',
      ],
    ];
    for (const [bind, message] of cases) refuse(message, { Binds: [bind] });
    refuse(/^Cannot create volume "rel\/path": its name may have letters/, { Binds: ['rel/path:/x'] });
    refuse('Duplicate mount point: /b', { Binds: ['vol:/a/../b/', '/tmp:/b'] });
    refuse('Duplicate mount point: /x', { Binds: ['vol:/x'], Tmpfs: { '/x': '' } });
  });
});

describe('--mount', () => {
  test('that is wrong is refused with Docker’s words', () => {
    refuseMount({}, 'invalid mount config for type "bind": field Source must not be empty');
    refuseMount(
      { Source: '/tmp', Target: '' },
      'invalid mount config for type "bind": field Target must not be empty',
    );
    refuseMount(
      { Source: 'tmp' },
      'invalid mount config for type "bind": invalid mount path: \'tmp\' mount path must be absolute',
    );
    refuseMount(
      { Source: '/tmp', BindOptions: { Propagation: 'foo' } },
      'invalid mount config for type "bind": invalid propagation mode: foo',
    );
    refuseMount(
      { Source: '/tmp', TmpfsOptions: {} },
      'TmpfsOptions must not be specified on mount type "bind"',
    );
    refuseMount(
      { Type: 'npipe', Source: '/tmp' },
      'invalid mount config for type "npipe": mount type unknown',
    );
    refuseMount(
      { Type: 'tmpfs', Source: '/tmp' },
      'invalid mount config for type "tmpfs": field Source must not be specified',
    );
    refuseMount(
      { Type: 'volume', ReadOnly: true },
      'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
    );
  });

  test('tmpfs options are Docker’s', () => {
    assert.deepEqual(
      tmpfsOptions({
        Mounts: [{ Type: 'tmpfs', Target: '/d', TmpfsOptions: { SizeBytes: 1000, Mode: 0o755 } }],
      }),
      ['noexec,nosuid,nodev,rprivate,mode=755,size=1000'],
    );
    assert.deepEqual(tmpfsOptions({ Tmpfs: { '/t': 'size=1m,exec,mode=700' } }), [
      'nosuid,nodev,rprivate,size=1m,exec,mode=700',
    ]);
    refuse('Invalid tmpfs option "foo=1"', { Tmpfs: { '/t': 'foo=1' } });
    refuse("invalid mount path: 'y' mount path must be absolute", { Tmpfs: { y: '' } });
  });
});

test('volumes of the image give way to everything, those of other containers to requests', () => {
  const other = plan({ Binds: ['/tmp:/o', 'data:/shared:nocopy'], Tmpfs: { '/t': '' } });
  const merged = plan({ VolumesFrom: ['c1:ro'], Binds: ['/var:/o'] }, ['/o', '/shared', '/own', '/own/'], {
    c1: other,
  });
  const shown = merged.mounts.map((mount) => [mount.type, mount.destination, mount.readonly]);
  assert.deepEqual(shown, [
    ['bind', '/o', false],
    ['volume', '/shared', true],
    ['volume', '/own', false],
  ]);
  assert.equal(volumesOf(merged).length, 2);
  assert.equal(volumesOf(merged, { anonymous: true }).length, 1);
  assert.throws(() => plan({ VolumesFrom: ['x:y:z'] }), { message: 'invalid mode: y:z' });
});

/** Volumes that only write down what is asked of them. */
class RecordedVolumes implements Volumes {
  readonly calls: string[] = [];

  get(name: string): VolumeView {
    return { name, path: `/v/${name}`, createdAtMs: 0, driver: 'local', isAnonymous: false };
  }
  async create({ name = '' }: VolumeSpec): Promise<VolumeView> {
    this.calls.push(`create ${name}`);
    return this.get(name);
  }
  async copyUp(name: string, root: string, path: string): Promise<void> {
    this.calls.push(`copy ${name} ${root} ${path}`);
  }
  mounted(name: string): void {
    this.calls.push(`mounted ${name}`);
  }
  unmounted(name: string): void {
    this.calls.push(`unmounted ${name}`);
  }
  list(): readonly VolumeView[] {
    return [];
  }
  async prune() {
    return { removed: [], reclaimedBytes: 0 };
  }
  async remove(name: string): Promise<void> {
    this.calls.push(`remove ${name}`);
  }
  async usage(): Promise<number> {
    return 0;
  }
}

const files = new ThreadedFileService();
after(() => files[Symbol.asyncDispose]());

test('a source of --mount must be there when the container is created, one of -v need not', async () => {
  const source = '/caisson-nonexistent';
  await assert.rejects(
    requireBindSources(files, plan({ Mounts: [{ Type: 'bind', Target: '/x', Source: source }] })),
    {
      code: 'invalid',
      message: `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    },
  );
  await requireBindSources(files, plan({ Binds: [`${source}:/x`] }));
  await requireBindSources(files, plan({ Mounts: [{ Type: 'bind', Target: '/x', Source: '/proc/self' }] }));
  assert.ok(!existsSync(source));
});

test('resolving makes sources, copies up at the first start and sorts parents first', async (t) => {
  const directory = mkdtempSync('/tmp/caisson-mounts-');
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const made = join(directory, 'new/dir');
  const wanted = plan({ Binds: ['data:/a/b/c:ro', `${made}:/a:ro,rprivate`], Tmpfs: { '/a/b': '' } });
  const volumes = new RecordedVolumes();
  const context = { containerId: 'c', rootPath: '/root', volumes, files, populate: true };
  const resolved = await resolveMounts(wanted, context);
  assert.deepEqual(
    resolved.map(({ destination, options }) => [destination, options.join()]),
    [
      ['/a', 'rbind,rro,rprivate'],
      ['/a/b', 'noexec,nosuid,nodev,rprivate'],
      ['/a/b/c', 'rbind,rro'],
    ],
  );
  assert.ok(existsSync(made));
  assert.deepEqual(volumes.calls, ['copy data /root /a/b/c', 'mounted data']);
  releaseMounts(wanted, context);
  await resolveMounts(wanted, { ...context, populate: false });
  assert.deepEqual(volumes.calls.slice(2), ['unmounted data', 'mounted data']);
  assert.deepEqual(
    showMounts(wanted, volumes).map(({ Source, Mode, RW }) => [Source, Mode, RW]),
    [
      ['/v/data', 'ro', false],
      [made, 'ro,rprivate', false],
    ],
  );
});

test('propagation needs a host mount that propagates', async () => {
  const wanted = plan({ Binds: ['/proc/self:/p:rshared'] });
  const volumes = new RecordedVolumes();
  const context = { containerId: 'c', rootPath: '/', volumes, files, populate: true };
  await assert.rejects(resolveMounts(wanted, context), {
    message: 'path /proc/self is mounted on /proc but it is not a shared mount.',
  });
});

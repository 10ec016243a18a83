import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import type { Volumes, VolumeSpec, VolumeView } from '#volume/volume.ts';
import type { BindMountSpec, MountSpec, VolumeMountSpec } from '../mount-spec.ts';
import { viewMounts } from '../view/mount-view.ts';
import { requireBindSources } from './bind-source.ts';
import type { MountPlan } from './mount-plan.ts';
import { fillVolumes, releaseMounts, resolveMounts } from './mounts.ts';
import { planMounts } from './plan-mounts.ts';

const BIND: BindMountSpec = {
  type: 'bind',
  target: '/',
  source: '/',
  readOnly: false,
  createsSource: true,
  recursive: true,
  recursiveReadOnly: true,
  propagation: 'rprivate',
  writtenOptions: '',
};
const VOLUME: VolumeMountSpec = {
  type: 'volume',
  target: '/',
  driver: 'local',
  readOnly: false,
  copyUp: true,
  writtenOptions: '',
};

const noOther = (): never => assert.fail('no other container is asked for');

function plan(...mounts: readonly MountSpec[]): MountPlan {
  return planMounts({ mounts, from: [], anonymous: [] }, noOther);
}

/** Volumes that only write down what is asked of them. */
class RecordedVolumes implements Volumes {
  readonly calls: string[] = [];

  get(name: string): VolumeView {
    return { name, path: `/v/${name}`, createdAtMs: 0, driver: 'local', isAnonymous: false };
  }
  open(name: string): string {
    return this.get(name).path;
  }
  async create({ name = '' }: VolumeSpec): Promise<VolumeView> {
    this.calls.push(`create ${name}`);
    return this.get(name);
  }
  async copyUp(name: string, root: () => string, path: string): Promise<void> {
    this.calls.push(`copy ${name} ${root()} ${path}`);
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

test('a source that is not to be made must be there when the container is created', async () => {
  const source = '/caisson-nonexistent';
  const bind = { ...BIND, target: '/x', createsSource: false };
  await assert.rejects(requireBindSources(files, plan({ ...bind, source })), {
    code: 'invalid',
    reason: 'bind-source-missing',
    subject: source,
  });
  await requireBindSources(files, plan({ ...bind, source, createsSource: true }));
  await requireBindSources(files, plan({ ...bind, source: '/proc/self' }));
  assert.ok(!existsSync(source));
});

test('resolving makes sources and sorts parents first; volumes are filled apart from it', async (t) => {
  const directory = mkdtempSync('/tmp/caisson-mounts-');
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const made = join(directory, 'new/dir');
  const wanted = plan(
    { type: 'tmpfs', target: '/a/b', readOnly: false, options: [], shown: false },
    { ...VOLUME, name: 'data', target: '/a/b/c', readOnly: true, writtenOptions: 'ro' },
    { ...BIND, source: made, target: '/a', readOnly: true, writtenOptions: 'ro,rprivate' },
  );
  const volumes = new RecordedVolumes();
  const context = { containerId: 'c', volumes, files, ownDirectories: [] };
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
  releaseMounts(wanted, context);
  await fillVolumes(wanted, volumes, () => '/root');
  assert.deepEqual(volumes.calls, ['mounted data', 'unmounted data', 'copy data /root /a/b/c']);
  assert.deepEqual(
    viewMounts(wanted, volumes).map((mount) => mount.type !== 'tmpfs' && [mount.source, mount.readOnly]),
    [
      ['/v/data', true],
      [made, true],
    ],
  );
});

test('propagation needs a host mount that propagates', async () => {
  const wanted = plan({ ...BIND, source: '/proc/self', target: '/p', propagation: 'rshared' });
  const volumes = new RecordedVolumes();
  const context = { containerId: 'c', volumes, files, ownDirectories: [] };
  await assert.rejects(resolveMounts(wanted, context), {
    reason: 'propagation-impossible',
    details: { mountPoint: '/proc', wanted: 'a shared mount' },
  });
});

test('binds of what the engine itself mounts follow its mounts', async () => {
  const directory = mkdtempSync('/tmp/caisson-propagation-');
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
  try {
    const optionsOf = async (propagation: 'rprivate' | 'rslave' = 'rprivate') => {
      const wanted = plan({ ...BIND, source: directory, target: '/p', propagation });
      const ownDirectories = [join(directory, 'engine/containers')];
      const context = { containerId: 'c', volumes: new RecordedVolumes(), files, ownDirectories };
      const [mount] = await resolveMounts(wanted, context);
      return [mount?.options, mount?.propagation];
    };
    execFileSync('mount', ['--make-private', directory]);
    assert.deepEqual(await optionsOf(), [['rbind', 'rprivate'], undefined]);
    execFileSync('mount', ['--make-shared', directory]);
    assert.deepEqual(await optionsOf(), [['rbind', 'rslave'], 'rslave']);
    const other = plan({ ...BIND, source: directory, target: '/p' });
    const context = {
      containerId: 'c',
      volumes: new RecordedVolumes(),
      files,
      ownDirectories: ['/elsewhere'],
    };
    assert.deepEqual((await resolveMounts(other, context))[0]?.options, ['rbind', 'rprivate']);
  } finally {
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  }
});

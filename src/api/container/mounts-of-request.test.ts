import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MountPlan } from '#container/mounts/mount-plan.ts';
import { volumesOf } from '#container/mounts/mounts.ts';
import { planMounts } from '#container/mounts/plan-mounts.ts';
import type { HostConfig, MountRequest } from '#wire/host-config.ts';
import { dockerErrorText } from '../errors/docker-error.ts';
import { mountsOfRequest } from './mounts-of-request.ts';

type Wanted = Partial<Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>>;

/** What the domain plans for a request. */
function plan(wanted: Wanted, volumes: string[] = [], others: Record<string, MountPlan> = {}): MountPlan {
  const spec = mountsOfRequest(
    { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
    { Binds: null, VolumesFrom: null, VolumeDriver: '', ...wanted },
  );
  return planMounts(spec, (reference) => {
    const other = others[reference];
    if (other) return other;
    throw new Error(`No such container: ${reference}`);
  });
}

function refuse(message: string | RegExp, wanted: Wanted): void {
  try {
    plan(wanted);
  } catch (error) {
    assert.match(dockerErrorText(error), typeof message === 'string' ? exactly(message) : message);
    return;
  }
  assert.fail(`accepted, where ${message} was expected`);
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')}$`);
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
    refuse(/^create rel\/path: "rel\/path" includes invalid characters/, { Binds: ['rel/path:/x'] });
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
    refuse('invalid tmpfs option "foo=1"', { Tmpfs: { '/t': 'foo=1' } });
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

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempDisposableSync,
  openSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until as eventually } from '#base/testing.ts';
import { ContainerCgroup } from './container-cgroup.ts';
import { prepareCgroups } from './cgroup-setup.ts';
import { mountHierarchy } from './cgroup-setup.ts';
import { ConsoleSocket } from './console-socket.ts';
import { unmountAll } from './mount.ts';
import { listMounts } from './mountinfo.ts';
import { watchExit } from './process.ts';
import { openTtyStream } from './pty.ts';
import { spawnProcess } from './spawn.ts';

/*
 * What this folder prepares, as a real crun sees it. Cgroup hierarchies may have to be mounted for that, so that the
 * tests run in a mount namespace of their own: the file starts itself again in one.
 */
const INNER = 'CAISSON_TEST_OWN_MOUNTS';

if (process.env[INNER] === undefined) {
  test('in a mount namespace of its own', () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--mount', process.execPath, import.meta.filename];
    const options = { encoding: 'utf8', env: { ...env, [INNER]: '1' } } as const;
    const { status, stdout, stderr } = spawnSync('unshare', args, options);
    assert.equal(status, 0, stdout + stderr);
  });
} else {
  test('cgroups are prepared, again and again, and crun accepts them', async () => {
    const { layout, runtime, warnings } = prepareCgroups();
    assert.deepEqual({ runtime, warnings }, { runtime: 'crun', warnings: [] });
    assert.deepEqual(prepareCgroups(), { layout, runtime, warnings });
    const { status, output } = await runContainer(['sh', '-c', 'echo hello; exit 3']);
    assert.match(output, /hello/);
    assert.deepEqual(status, { code: 3 });
  });

  test('a hierarchy that is missing is mounted once, even by several at the same time', () => {
    const { layout } = prepareCgroups();
    const target = layout.v1Controllers.get('hugetlb') ?? '';
    unmountAll(target);
    assert.equal(mountHierarchy(layout, 'hugetlb'), undefined);
    assert.equal(mountHierarchy(layout, 'hugetlb'), undefined);
    assert.equal(listMounts().filter((mount) => mount.target === target).length, 1);
    assert.match(mountHierarchy(layout, 'nonsense') ?? '', /^Cannot mount .*nonsense: /);
    rmdirSync(join(target, '../nonsense'));
  });

  test('the master of a terminal arrives, and statistics, freezing and pids work meanwhile', async () => {
    const { status, output } = await runContainer(
      ['sh', '-c', 'read x; echo "got $x"; exit 4'],
      async (cgroup, write) => {
        const stats = cgroup.readStats();
        assert.equal(stats.memory.limitBytes, 64 << 20);
        assert.ok(stats.memory.usageBytes > 0 && stats.memory.usageBytes < 64 << 20);
        assert.ok(stats.cpu.totalNs > 0);
        assert.deepEqual(stats.pids, { current: 1, limit: 20 });
        assert.equal(cgroup.pids().length, 1);
        await cgroup.freeze();
        assert.ok(cgroup.isFrozen());
        cgroup.thaw();
        assert.ok(!cgroup.isFrozen());
        write('abc\n');
      },
    );
    assert.match(output, /got abc/);
    assert.deepEqual(status, { code: 4 });
  });

  test('running out of memory is known when it happens, once, and nothing else is taken for it', async () => {
    for (const [script, code, expected] of [
      ['read x; exec dd if=/dev/zero of=/dev/null bs=200M count=1', 137, true],
      ['read x', 0, false],
    ] as const) {
      let calls = 0;
      using stack = new DisposableStack();
      const { status } = await runContainer(
        ['sh', '-c', script],
        async (cgroup, write) => {
          stack.use(cgroup.watchOom(() => calls++));
          // One that is disposed is told nothing.
          cgroup.watchOom(() => assert.fail())[Symbol.dispose]();
          write('\n');
        },
        () => eventually(() => !expected || calls > 0, 'a call'),
      );
      assert.equal(status?.code, code);
      assert.equal(calls, expected ? 1 : 0);
    }
  });
}

type Meanwhile = (
  cgroup: ContainerCgroup,
  write: (text: string) => void,
  until: (pattern: RegExp) => Promise<void>,
) => Promise<void>;

/** Runs a container with a terminal and returns how it ended and what it printed. */
async function runContainer(
  args: readonly string[],
  meanwhile?: Meanwhile,
  /** When it has ended, and its cgroup is still there. */
  ended?: () => Promise<void>,
) {
  using directory = mkdtempDisposableSync('/tmp/caisson-runtime-');
  const id = directory.path.slice('/tmp/'.length);
  const bundle = join(
    directory.path,
    'bundle with a name that is too long for the path of a socket'.padEnd(120, '-'),
  );
  makeBundle(bundle, id, args);
  await using console_ = await ConsoleSocket.listen(join(bundle, 'console.sock'));
  const devNull = openSync('/dev/null', 'r');
  const root = ['--root', join(directory.path, 'state')];
  const runtime = ['crun', ...root, 'run', ...(ended ? ['--keep'] : []), '--bundle', bundle];
  const pid = spawnProcess({
    path: '/usr/bin/crun',
    args: [...runtime, '--console-socket', console_.path, id],
    stdio: [devNull, 2, 2],
  });
  closeSync(devNull);
  using watch = watchExit(pid);
  const stream = openTtyStream(await console_.receive(AbortSignal.timeout(60_000)));
  let output = '';
  stream.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const closed = once(stream, 'close');
  const cgroup = new ContainerCgroup(prepareCgroups().layout, `/${id}`);
  const until = async (pattern: RegExp) => {
    while (!pattern.test(output)) await once(stream, 'data');
  };
  if (meanwhile) {
    // The runtime hands the terminal over before the program starts.
    await eventually(() => cgroup.pids().length === 1, 'it is alone in its group');
    await meanwhile(cgroup, (text) => stream.write(text), until);
  }
  await closed;
  const status = await watch.exited;
  if (ended) {
    await ended();
    assert.equal(spawnSync('crun', [...root, 'delete', id]).status, 0);
  }
  return { status, output };
}

function makeBundle(bundle: string, id: string, args: readonly string[]): void {
  mkdirSync(join(bundle, 'rootfs/bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(bundle, 'rootfs/bin/busybox'));
  for (const name of ['sh', 'dd']) symlinkSync('busybox', join(bundle, 'rootfs/bin', name));
  mkdirSync(join(bundle, 'rootfs/proc'));
  mkdirSync(join(bundle, 'rootfs/dev'));
  const spec = {
    ociVersion: '1.0.2',
    process: { terminal: true, user: { uid: 0, gid: 0 }, args, cwd: '/', env: ['PATH=/bin'] },
    root: { path: 'rootfs' },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance', 'ptmxmode=0666'],
      },
    ],
    linux: {
      namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })),
      cgroupsPath: `/${id}`,
      resources: { memory: { limit: 64 << 20, swap: 64 << 20 }, pids: { limit: 20 } },
    },
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { newId } from '#base/ids.ts';
import { readCgroupLayout } from '#linux/cgroup-layout.ts';
import type { ExecSpec } from '../container.ts';
import { newContainerSpec, type PartialContainerSpec } from '../new-container-spec.ts';
import type { ResolvedMount } from '../mounts/mounts.ts';
import { loadSeccompProfile } from './seccomp.ts';
import { buildExecProcess, buildSpec, type SpecInput } from './spec.ts';
import { stringifyProcess, stringifySpec } from './spec-json.ts';
import { promptly } from '../files/root-access.ts';
import { deviceQuery, lookForDevices } from './spec-devices.ts';
import { resolveUser } from './user.ts';

const RUNTIME = 'crun';

let directory = '';
let root = '';
const seccomp = loadSeccompProfile();
const cgroupLayout = readCgroupLayout();

interface Changes {
  readonly spec?: PartialContainerSpec;
  readonly input?: Partial<SpecInput>;
}

function inputFor({ spec: said = {}, input }: Changes = {}): SpecInput {
  const id = newId();
  const spec = newContainerSpec('test', {
    hostname: 'abc',
    ...said,
    process: { command: ['true'], ...said.process },
  });
  return {
    id,
    spec,
    rootPath: root,
    hostname: spec.hostname ?? '',
    domainname: spec.domainname ?? '',
    namespaces: { pid: 'private', ipc: 'private', uts: 'private', cgroup: 'private' },
    mounts: [],
    files: {
      hosts: join(directory, 'hosts'),
      hostname: join(directory, 'hostname'),
      resolvConf: join(directory, 'resolv.conf'),
    },
    user: resolveUser(
      { rootPath: root, user: spec.process.user ?? '', groupAdd: spec.process.groups },
      promptly,
    ),
    devices: lookForDevices(deviceQuery(spec)),
    cgroupsPath: `/caisson-test/${id}`,
    cgroupLayout,
    seccomp,
    ...input,
  };
}

/** Runs a command by the real runtime and returns what it printed. */
function run(
  changes: Changes,
  ...command: string[]
): { readonly status: number | null; readonly out: string } {
  const said = { ...changes.spec, process: { ...changes.spec?.process, command } };
  const input = inputFor({ ...changes, spec: said });
  const bundle = join(directory, input.id);
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'config.json'), stringifySpec(buildSpec(input)));
  const name = input.id.slice(0, 20);
  const args = [`--root=${join(directory, 'crun')}`, 'run', '-b', bundle, name];
  const result = spawnSync(RUNTIME, args, { encoding: 'utf8', timeout: 120_000 });
  return { status: result.status, out: result.stdout + result.stderr };
}

before(() => {
  directory = mkdtempSync('/tmp/caisson-spec-');
  root = join(directory, 'root');
  for (const path of ['bin', 'etc', 'proc', 'tmp', 'root']) mkdirSync(join(root, path), { recursive: true });
  cpSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const name of ['sh', 'cat', 'id', 'grep', 'dd', 'true', 'env', 'ls', 'mount', 'hostname', 'touch']) {
    symlinkSync('busybox', join(root, 'bin', name));
  }
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nbob:x:1001:\nwheel:x:10:bob,root\n');
  for (const file of ['hosts', 'hostname', 'resolv.conf']) writeFileSync(join(directory, file), `${file}\n`);
});

after(() => {
  spawnSync('find', [
    '/sys/fs/cgroup',
    '-depth',
    '-type',
    'd',
    '-path',
    '*/caisson-test*',
    '-exec',
    'rmdir',
    '{}',
    ';',
  ]);
  rmSync(directory, { recursive: true, force: true });
});

function bindAt(destination: string): ResolvedMount {
  return { type: 'bind', destination, source: '/x', options: ['rbind'] };
}

function destinations(...mounts: string[]): readonly string[] {
  const spec = buildSpec(inputFor({ input: { mounts: mounts.map(bindAt) } }));
  return spec.mounts.map((mount) => mount.destination);
}

/** What the kernel says about the confinement of a container's process. */
function processStatus(changes: Changes): string {
  const pattern = '^(CapEff|CapBnd|NoNewPrivs|Seccomp|Groups):';
  return run(changes, 'grep', '-E', pattern, '/proc/self/status').out;
}

/** What dockerd 26 asks runc for, for the same container. */
const DOCKER_DEFAULT_MOUNTS = [
  ['/proc', 'proc', 'nosuid,noexec,nodev'],
  ['/dev', 'tmpfs', 'nosuid,strictatime,mode=755,size=65536k'],
  ['/dev/pts', 'devpts', 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5'],
  ['/sys', 'sysfs', 'nosuid,noexec,nodev,ro'],
  ['/sys/fs/cgroup', 'cgroup', 'ro,nosuid,noexec,nodev'],
  ['/dev/mqueue', 'mqueue', 'nosuid,noexec,nodev'],
  ['/dev/shm', 'tmpfs', 'nosuid,noexec,nodev,mode=1777,size=67108864'],
  ['/etc/resolv.conf', 'bind', 'rbind,rprivate'],
  ['/etc/hostname', 'bind', 'rbind,rprivate'],
  ['/etc/hosts', 'bind', 'rbind,rprivate'],
];

describe('the specification', () => {
  test('mounts what Docker mounts, in its order', () => {
    const spec = buildSpec(inputFor());
    const mounts = spec.mounts.map(({ destination, type, options }) => [destination, type, options.join()]);
    assert.deepEqual(mounts, DOCKER_DEFAULT_MOUNTS);
  });

  test('a mount of the user replaces a standard one, at /dev all below it', () => {
    assert.equal(destinations('/dev/shm').filter((path) => path === '/dev/shm').length, 1);
    assert.equal(destinations('/etc/hosts').filter((path) => path === '/etc/hosts').length, 1);
    assert.deepEqual(
      destinations('/dev').filter((path) => path.startsWith('/dev')),
      ['/dev'],
    );
    assert.ok(destinations('/a/b/c/d').indexOf('/etc/hosts') < destinations('/a/b/c/d').indexOf('/a/b/c/d'));
  });

  test('carries limits as Docker converts them', () => {
    const { resources } = buildSpec(
      inputFor({
        spec: {
          limits: {
            memoryBytes: 64 << 20,
            memoryReservationBytes: 32 << 20,
            nanoCpus: 1.5e9,
            cpuShares: 100,
            cpus: '0',
            pids: 50,
          },
          devices: {
            nodes: [{ hostPath: '/dev/zero', path: '/dev/myzero', access: 'r' }],
            cgroupRules: ['c 1:3 rwm'],
          },
        },
      }),
    ).linux;
    const plain = JSON.parse(JSON.stringify(resources));
    assert.deepEqual(plain.memory, { limit: 67108864, reservation: 33554432, swap: 134217728 });
    assert.deepEqual(plain.cpu, { shares: 100, quota: 150000, period: 100000, cpus: '0' });
    assert.deepEqual(plain.pids, { limit: 50 });
    assert.deepEqual(plain.devices.slice(-2), [
      { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
    ]);
  });

  test('is the same JSON with and without the cached filter', () => {
    const spec = buildSpec(
      inputFor({ spec: { process: { ulimits: [{ name: 'nofile', soft: 1, hard: -1 }] } } }),
    );
    const parsed = JSON.parse(stringifySpec(spec));
    assert.deepEqual(parsed.linux.seccomp, JSON.parse(JSON.stringify(spec.linux.seccomp)));
    assert.match(stringifySpec(spec), /"hard":18446744073709551615,"soft":1/);
    assert.equal(stringifySpec(spec), stringifySpec(spec));
  });

  test('an exec has the confinement of its container, or all capabilities', () => {
    const { spec, user } = inputFor({
      spec: {
        security: { droppedCapabilities: ['ALL'] },
        process: { environment: ['A=1'], workingDirectory: '/tmp' },
      },
    });
    const exec: ExecSpec = {
      command: ['id'],
      environment: ['A=2'],
      privileged: false,
      terminal: true,
      terminalSize: { rows: 24, columns: 80 },
      attachesStdin: false,
      attachesStdout: true,
      attachesStderr: true,
      detachKeys: '',
    };
    const confined = buildExecProcess({ exec, spec, user });
    assert.deepEqual(confined.capabilities?.bounding, []);
    assert.ok(confined.env.includes('A=2') && confined.env.includes('TERM=xterm'));
    assert.equal(confined.cwd, '/tmp');
    assert.deepEqual(confined.consoleSize, { height: 24, width: 80 });
    const free = buildExecProcess({ exec: { ...exec, privileged: true }, spec, user });
    assert.ok(free.capabilities?.bounding?.includes('CAP_SYS_ADMIN'));
    assert.equal(JSON.parse(stringifyProcess(free)).args[0], 'id');
  });
});

describe('a real container', () => {
  test('is confined as by Docker', () => {
    const text = processStatus({});
    assert.match(text, /Groups:\t0 10 /);
    assert.match(text, /CapEff:\t00000000a80425fb/);
    assert.match(text, /CapBnd:\t00000000a80425fb/);
    assert.match(text, /NoNewPrivs:\t0/);
    assert.match(text, /Seccomp:\t2/);
  });

  test('cannot make namespaces of its own, unless it may', () => {
    const command = ['sh', '-c', 'busybox unshare -U true; busybox unshare -m true && echo fine'];
    const { out } = run({}, ...command);
    assert.match(out, /unshare.*Operation not permitted/);
    assert.doesNotMatch(out, /fine/);
    assert.match(run({ spec: { security: { addedCapabilities: ['SYS_ADMIN'] } } }, ...command).out, /fine/);
  });

  test('obeys its options', () => {
    const text = processStatus({
      spec: {
        process: { user: 'bob:wheel', groups: ['55'] },
        security: {
          addedCapabilities: ['SYS_ADMIN'],
          droppedCapabilities: ['chown'],
          noNewPrivileges: true,
        },
      },
      input: { seccomp: undefined },
    });
    assert.match(text, /Groups:\t10 55 /);
    assert.match(text, /CapEff:\t0000000000000000/);
    assert.match(text, /CapBnd:\t00000000a82425fa/);
    assert.match(text, /NoNewPrivs:\t1/);
    assert.match(text, /Seccomp:\t0/);
  });

  test('privileged has everything', () => {
    const changes = { spec: { security: { privileged: true } }, input: { seccomp: undefined } };
    const { out } = run(
      changes,
      'sh',
      '-c',
      'grep CapEff /proc/self/status; ls /dev; touch /sys/x; cat /proc/kcore | dd bs=1 count=1 2>&1 | grep -c copied; echo 1 > /proc/sys/kernel/ostype; mount',
    );
    assert.doesNotMatch(out, /CapEff:\t00000000a80425fb/);
    assert.match(out, /^kmsg$/m);
    assert.match(out, /sysfs on \/sys type sysfs \(rw/);
    assert.doesNotMatch(out, /\/proc\/sys type proc \(ro/);
  });

  test('sees masked and read-only paths, its files and its names', () => {
    const { out } = run(
      { spec: { root: { readOnly: true }, domainname: 'example.com' } },
      'sh',
      '-c',
      'cat /etc/hosts /etc/resolv.conf; hostname; cat /proc/sys/kernel/domainname; touch /x; echo 1 >/proc/sys/kernel/panic; cat /proc/keys; ls /sys/firmware; echo $HOME; env; mount',
    );
    assert.match(out, /^hosts\nresolv\.conf\nabc\nexample\.com$/m);
    assert.match(out, /touch: \/x: Read-only file system/);
    assert.match(out, /can't create \/proc\/sys\/kernel\/panic: Read-only/);
    assert.match(out, /^\/root$/m);
    assert.match(out, /HOSTNAME=abc/);
    assert.match(out, /cgroup.*\(ro/);
  });

  test('is limited in memory and processes', () => {
    const memory = run(
      { spec: { limits: { memoryBytes: 16 << 20 } } },
      'sh',
      '-c',
      'dd if=/dev/zero of=/dev/null bs=64M count=1; echo status $?',
    );
    assert.match(memory.out, /status 1(37|)$/m);
    const forks = run({ spec: { limits: { pids: 1 } } }, 'sh', '-c', '(true); (true)');
    assert.match(forks.out, /can't fork/);
  });

  test('runs an init, with devices, rlimits, tmpfs and binds', () => {
    const { out, status } = run(
      {
        spec: {
          process: { init: true, ulimits: [{ name: 'nofile', soft: 100, hard: 200 }] },
          devices: { nodes: [{ hostPath: '/dev/zero', path: '/dev/myzero', access: 'rwm' }] },
        },
        input: {
          initPath: '/usr/bin/tini-static',
          mounts: [
            {
              type: 'tmpfs',
              destination: '/t',
              source: 'tmpfs',
              options: ['noexec', 'nosuid', 'nodev', 'rprivate', 'size=1m', 'mode=700'],
            },
            {
              type: 'bind',
              destination: '/deep/er/b',
              source: directory,
              options: ['rbind', 'rro', 'rprivate'],
            },
            { type: 'bind', destination: '/f2', source: directory, options: ['bind', 'rro', 'rprivate'] },
          ],
        },
      },
      'sh',
      '-c',
      'cat /proc/1/cmdline; ls -l /dev/myzero; ulimit -n; mount | grep /t; cat /deep/er/b/hosts; touch /deep/er/b/x; touch /f2/x',
    );
    assert.equal(status, 1);
    assert.match(out, /docker-init/);
    assert.match(out, /crw.* 1, +5 .*\/dev\/myzero/);
    assert.match(out, /^100$/m);
    assert.match(out, /tmpfs on \/t type tmpfs \(rw,nosuid,nodev,noexec,relatime,size=1024k,mode=700/);
    assert.match(out, /^hosts$/m);
    assert.match(out, /b\/x: Read-only/);
    assert.match(out, /f2\/x: Read-only/);
  });
});

/** No option of dockerd is accepted without effect: it works, is refused, or is warned about. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MISSING_SETTINGS } from '#main/docker-settings.ts';
import { daemonOptions } from '#main/daemon-options.ts';
import { parseFlags, SETTINGS, settingKey } from '#main/daemon-settings.ts';
import { removeCgroupParent } from '../support/cgroups.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { BARE_FLAGS, type DaemonCheck, SHOWN_ELSEWHERE, WORKING_FLAGS } from './daemon-rows.ts';
import { OptionDaemon } from './option-daemon.ts';

const project = join(import.meta.dirname, '../..');
const caissond = (...args: readonly string[]) =>
  spawnSync(join(project, 'bin/caissond'), args, { encoding: 'utf8' });

const optionsOf = (...flags: readonly string[]) => daemonOptions(parseFlags(flags));

/** Values that ask for something. */
const VALUES: Readonly<Record<string, string>> = {
  'add-runtime': 'other=/usr/bin/other',
  'live-restore': 'false',
  ip6tables: 'false',
  'exec-opt': 'native.cgroupdriver=systemd',
};

function flagOf({ flag, kind }: (typeof SETTINGS)[number]): string {
  const value = VALUES[flag] ?? (kind === 'boolean' ? 'true' : kind === 'number' ? '7' : 'x');
  return `--${flag}=${value}`;
}

const ofCommandLine = MISSING_SETTINGS.filter(({ isFileOnly }) => !isFileOnly);

test('each option of dockerd has a row', { skip: !DockerDaemon.isInstalled }, () => {
  const { stdout } = spawnSync('dockerd', ['--help'], { encoding: 'utf8' });
  const flags = [...stdout.matchAll(/^ +(?:-\w, |    )?--([a-z0-9-]+)/gm)].map(([, flag = '']) => flag);
  assert.ok(flags.length > 70);
  const rows = new Set([
    ...Object.keys(WORKING_FLAGS),
    ...Object.keys(BARE_FLAGS),
    ...Object.keys(SHOWN_ELSEWHERE),
    ...MISSING_SETTINGS.map(({ flag }) => flag),
  ]);
  assert.deepEqual(
    flags.filter((flag) => !rows.has(flag)),
    [],
  );
  for (const { file, mentions } of Object.values(SHOWN_ELSEWHERE)) {
    assert.ok(readFileSync(join(project, file), 'utf8').includes(mentions), file);
  }
});

test('each key that dockerd knows in its file is known', { skip: !DockerDaemon.isInstalled }, () => {
  const directory = mkdtempSync('/tmp/caisson-options-');
  try {
    const path = join(directory, 'daemon.json');
    // dockerd names those that it does not know.
    const keys = SETTINGS.filter(({ flagOnly }) => !flagOnly).map(settingKey);
    writeFileSync(path, JSON.stringify(Object.fromEntries(keys.map((key) => [key, null]))));
    const { stderr } = spawnSync('dockerd', ['--validate', '--config-file', path], { encoding: 'utf8' });
    const unknown = /match any configuration option: (.*)/.exec(stderr)?.[1]?.split(', ') ?? [];
    const known = keys.filter((key) => !unknown.some((name) => name.trim() === key));
    assert.ok(known.length > 60, stderr);
    const { daemonKeys }: { daemonKeys: readonly string[] } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../fixtures/docker-options.json'), 'utf8'),
    );
    const aliases = SETTINGS.flatMap((setting) => [settingKey(setting), ...(setting.aliases ?? [])]);
    assert.deepEqual(
      daemonKeys.filter((key) => !aliases.includes(key)),
      [],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('what this engine does not have is warned about, with the reason', () => {
  const warned = ofCommandLine.filter(({ missing, flag }) => !missing?.isRefused && flag !== 'raw-logs');
  const { status, stderr } = caissond('--validate', ...warned.map(flagOf));
  assert.equal(status, 0, stderr);
  const lines = stderr.trim().split('\n');
  assert.deepEqual(
    lines.toSorted(),
    warned.map(({ flag, missing }) => `--${flag} has no effect: ${missing?.why}`).toSorted(),
  );
});

test('what must not be ignored is refused, with the reason', () => {
  const refused = ofCommandLine.filter(({ missing }) => missing?.isRefused);
  assert.deepEqual(refused.map(({ flag }) => flag).toSorted(), [
    'authorization-plugin',
    'cpu-rt-period',
    'cpu-rt-runtime',
    'default-gateway',
    'default-gateway-v6',
    'rootless',
    'userns-remap',
  ]);
  for (const setting of refused) {
    const message = `Cannot use --${setting.flag}: ${setting.missing?.why}`;
    assert.throws(() => optionsOf(flagOf(setting)), { code: 'not-implemented', message });
  }
  const { status, stderr } = caissond('--validate', '--rootless');
  assert.equal(status, 1);
  assert.equal(stderr, 'caissond: Cannot use --rootless: this engine needs root\n');
});

test('what is no option, or no value of one, is refused; the version is told', () => {
  for (const [flag, said] of [
    ['--nope', /no such flag/],
    ['--default-ipc-mode=host', /one of private, shareable expected/],
    ['--default-cgroupns-mode=x', /one of private, host expected/],
    ['--host-gateway-ip=x', /an address expected/],
    ['--log-format=xml', /one of text, json expected/],
    ['--default-network-opt=bridge', /KEY=VALUE expected/],
  ] as const) {
    assert.throws(() => optionsOf(flag), { code: 'invalid', message: said });
  }
  assert.equal(caissond('--validate', '--nope').status, 2);
  assert.match(caissond('--version').stdout, /^caissond \d/);
});

async function checkAll(checks: Readonly<Record<string, DaemonCheck>>, daemon: OptionDaemon): Promise<void> {
  for (const [flag, check] of Object.entries(checks)) {
    await assert.doesNotReject(async () => await check(daemon), `--${flag}`);
  }
}

const SETTINGS_OF_FILE = {
  'default-ulimits': { nofile: { Name: 'nofile', Hard: 456, Soft: 123 } },
  'dns-opts': ['timeout:7'],
  'log-driver': 'json-file',
  'log-opts': { 'max-size': '7m' },
  'default-address-pools': [{ base: '10.231.16.0/20', size: 24 }],
  'default-network-opts': { bridge: { 'com.docker.network.driver.mtu': '1234' } },
  'insecure-registries': ['insecure.test:5000'],
  'registry-mirrors': ['https://mirror.test'],
  labels: ['option=label'],
};

const FLAGS = [
  '--bip 10.231.9.1/24 --fixed-cidr 10.231.9.64/26 --mtu 1300 --ip-masq=false --icc=false',
  '--cgroup-parent /caisson-daemon-options --default-cgroupns-mode private --default-ipc-mode shareable',
  '--default-runtime runc --default-shm-size 2m --dns 192.0.2.53 --dns-search search.test',
  '--host-gateway-ip 192.0.2.77 --experimental --group 12345 --init --init-path /usr/bin/tini-static',
  '--no-new-privileges --ip 127.0.0.1 --userland-proxy=false --seccomp-profile unconfined',
  '--log-format json --log-level info --network-pool 2',
].flatMap((line) => line.split(' '));

const SLEEP = ['bb', 'sleep', '1000'];

describe('a daemon with options', () => {
  let daemon: OptionDaemon;

  before(async () => {
    daemon = await OptionDaemon.prepare(SETTINGS_OF_FILE, FLAGS);
    await daemon.start();
    await importBusybox(daemon);
    for (const name of ['first', 'second']) await dockerOk(daemon, ['network', 'create', name]);
    await dockerOk(daemon, ['run', '-d', '--name', 'neighbour', ...SLEEP]);
    const added = ['-p', '80', '--add-host', 'gateway.test:host-gateway'];
    await dockerOk(daemon, ['run', '-d', '--name', 'probe', ...added, ...SLEEP]);
  });

  after(async () => {
    await daemon[Symbol.asyncDispose]();
    removeCgroupParent('caisson-daemon-options');
  });

  test('does what they say', () => checkAll(WORKING_FLAGS, daemon));
});

describe('a daemon without bridge, firewall and forwarding', () => {
  const name = `caisson-options-${process.pid}`;
  let daemon: OptionDaemon;

  before(async () => {
    spawnSync('ip', ['netns', 'add', name]);
    const netns = `/run/netns/${name}`;
    spawnSync('nsenter', [`--net=${netns}`, 'sysctl', '-qw', 'net.ipv4.ip_forward=0']);
    const flags = ['--bridge', 'none', '--iptables=false', '--ip-forward=false', '--seccomp-profile=builtin'];
    daemon = await OptionDaemon.prepare(
      { 'log-opts': { labels: 'a' } },
      [...flags, '--network-pool', '1'],
      netns,
    );
    await daemon.start();
    await importBusybox(daemon);
    await dockerOk(daemon, ['run', '-d', '--name', 'probe', ...SLEEP]);
  });

  after(async () => {
    await daemon[Symbol.asyncDispose]();
    spawnSync('ip', ['netns', 'delete', name]);
  });

  test('does what they say', () => checkAll(BARE_FLAGS, daemon));
});

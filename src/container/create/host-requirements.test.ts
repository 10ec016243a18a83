import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupFeatures } from '#linux/cgroup-features.ts';
import { readCgroupLayout } from '#linux/cgroup-layout.ts';
import { createLogDrivers } from '#log/drivers.ts';
import type { ContainerDefaults } from '../dependencies.ts';
import { newContainerSpec, type PartialContainerSpec } from '../new-container-spec.ts';
import { type ContainerHost, fitToHost } from './host-requirements.ts';

const DEFAULTS: ContainerDefaults = {
  logDriver: 'local',
  isLogDriverChosen: false,
  logOptions: {},
  stopTimeoutSeconds: 10,
  cgroupParent: '/caisson',
  seccompProfile: '',
  initPath: '',
  init: true,
  noNewPrivileges: true,
  ipc: 'shareable',
  shmSizeBytes: 1,
  ulimits: [],
};

const layout = readCgroupLayout();
const HOST: ContainerHost = {
  defaults: DEFAULTS,
  runtime: { name: 'crun', path: '/usr/bin/crun' },
  otherRuntime: { name: 'runc', path: '/usr/sbin/runc' },
  cgroupLayout: layout,
  cgroupFeatures: cgroupFeatures(layout),
  logs: createLogDrivers(),
  networks: { defaultNetwork: 'bridge' },
  lookup: { find: () => undefined },
};

const fitted = (said: PartialContainerSpec, host: ContainerHost = HOST) =>
  fitToHost(newContainerSpec('i', said), host).spec;

test('what a container leaves open, the engine chooses', () => {
  const { process, security, namespaces } = fitted({});
  assert.equal(process.init, true);
  assert.equal(security.noNewPrivileges, true);
  assert.equal(namespaces.ipc, 'shareable');
  const own = fitted({
    process: { init: false },
    security: { noNewPrivileges: false },
    namespaces: { ipc: 'private' },
  });
  assert.equal(own.process.init, false);
  assert.equal(own.security.noNewPrivileges, false);
  assert.equal(own.namespaces.ipc, 'private');
});

test('without a default bridge, a container that asks for no network has none', () => {
  assert.equal(fitted({}).network.mode.kind, 'attached');
  const bare = { ...HOST, networks: { defaultNetwork: 'none' } };
  assert.equal(fitted({}, bare).network.mode.kind, 'none');
});

test('runc does what crun cannot, where it is installed', () => {
  const few = { process: { ulimits: [{ name: 'nofile', soft: 20, hard: 20 }] } };
  assert.equal(fitted({}).runtime, 'crun');
  assert.equal(fitted(few).runtime, 'runc');
  const ofEngine = { ...HOST, defaults: { ...DEFAULTS, ulimits: few.process.ulimits } };
  assert.equal(fitted({}, ofEngine).runtime, 'runc');
  assert.throws(() => fitted({ ...few, runtime: 'crun' }), { reason: 'beyond-runtime' });
  const { otherRuntime: _, ...alone } = HOST;
  assert.throws(() => fitted(few, alone), { reason: 'beyond-runtime' });
  assert.throws(() => fitted({ runtime: 'runc' }, alone), { reason: 'runtime-unknown' });
});

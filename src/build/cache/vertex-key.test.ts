import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '#oci/digest.ts';
import { type CommandSettings, defaultCommandSettings } from '../definition/command-settings.ts';
import type { BaseVertex, ExecVertex } from '../definition/vertex.ts';
import { vertexKey } from './vertex-key.ts';

const scratch: BaseVertex = { kind: 'base', layers: [] };
const settings = defaultCommandSettings();
const exec: ExecVertex = {
  kind: 'exec',
  parent: scratch,
  argv: ['true'],
  env: ['A=1'],
  proxies: [],
  workingDirectory: '/',
  user: '',
  settings,
};

const keyWith = (more: Partial<CommandSettings>, own: Partial<ExecVertex> = {}, checksum = '') =>
  vertexKey({ ...exec, ...own, settings: { ...settings, ...more } }, [], checksum);

test('a key changes with everything that can change the result, and with nothing else', () => {
  const key = vertexKey(exec, [], '');
  const digest = parseDigest(`sha256:${'1'.repeat(64)}`);
  const layer = { diffId: digest, blob: digest, compression: 'none' } as const;
  const ulimit = { name: 'nofile', soft: 100, hard: 200 };
  assert.equal(vertexKey({ ...exec, proxies: ['HTTP_PROXY=x'] }, [], ''), key);
  assert.equal(keyWith({ limits: { memoryBytes: 2 ** 30 } }), key);
  const others = [
    keyWith({ ulimits: [ulimit] }),
    keyWith({ sharedMemoryBytes: 1 << 20 }),
    keyWith({ network: { kind: 'none' } }),
    keyWith({ network: { kind: 'joined', container: 'x' } }),
    keyWith({ extraHosts: ['a:1.2.3.4'] }),
    keyWith({ security: { ...settings.security, privileged: true } }),
    vertexKey({ ...exec, argv: ['false'] }, [], ''),
    vertexKey({ ...exec, env: ['A=2'] }, [], ''),
    vertexKey({ ...exec, user: 'user' }, [], ''),
    vertexKey({ ...exec, workingDirectory: '/tmp' }, [], ''),
    vertexKey({ ...exec, readOnlyRoot: true }, [], ''),
    vertexKey(exec, [layer], ''),
    vertexKey(exec, [], 'sum'),
  ];
  assert.equal(new Set([key, ...others]).size, others.length + 1);
});

/** Keys that commit 90fc381 gave: a cache that it has left is still met. */
test('keys are those of former versions', () => {
  const ulimit = { name: 'nofile', soft: 100, hard: 200 };
  const privileged = { ...settings.security, privileged: true };
  const own = [{ name: 'nofile', soft: 1, hard: 2 }];
  const mounted: Partial<ExecVertex> = {
    mounts: [
      {
        kind: 'cache',
        target: '/c',
        id: 'x',
        sharing: 'shared',
        readOnly: false,
        initial: { source: scratch, path: '/' },
      },
      {
        kind: 'secret',
        id: 's',
        target: '/run/secrets/s',
        required: false,
        owner: { uid: 0, gid: 0, mode: 256 },
      },
      { kind: 'bind', target: '/b', source: scratch, path: '/', writable: false },
    ],
    platform: 'linux/arm64',
    hostname: 'h',
    validExitCodes: [0, 1],
    isThrownAway: true,
  };
  const keys = [
    keyWith({}),
    keyWith({ network: { kind: 'host' } }),
    keyWith({ extraHosts: [] }),
    keyWith({
      network: { kind: 'none' },
      extraHosts: ['a:1.2.3.4'],
      sharedMemoryBytes: 1 << 20,
      ulimits: [ulimit],
    }),
    keyWith({ extraHosts: [], security: privileged }),
    keyWith({ extraHosts: [] }, { readOnlyRoot: true, ulimits: own }),
    keyWith({ extraHosts: [] }, mounted, 'sum'),
  ];
  assert.deepEqual(keys, [
    'bca9ed7761cc79f81328d81177c8836cc8381bdb1915aee167212e96a44d4702',
    'ddc0cd35c3ed93d5bdf63956d15eb23d5a88ecf55bb4e29be39eaa2e11955c72',
    '5c073ebe83eaf83364de1275912de585efc34fc6768879867d0d6b860019c67d',
    'ed8c6d4d5e2dc2aa0476de12f1dd02178416b1e9135c8bc23abb944a5ce2c56c',
    '7e7b5893db2c9e262b0e415d936395cabbf74223702be4d477b77396a09a2936',
    '8ea2b806759839cd9c4ee8545454025129e615e536749704be23110eaca56e3b',
    '248e57bd48e097c2068b30f2a8db64fcc77e6b37fbac8dc34c0b51d956b32368',
  ]);
});

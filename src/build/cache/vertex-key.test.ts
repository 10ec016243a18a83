import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '#oci/digest.ts';
import type { ExecVertex } from '../definition/vertex.ts';
import { commandHostConfig } from '../solve/command-config.ts';
import { vertexKey } from './vertex-key.ts';

const exec: ExecVertex = {
  kind: 'exec',
  parent: { kind: 'base', layers: [] },
  argv: ['true'],
  env: ['A=1'],
  proxies: [],
  workingDirectory: '/',
  user: '',
  hostConfig: commandHostConfig({}),
};

test('a key changes with everything that can change the result, and with nothing else', () => {
  const key = vertexKey(exec, [], '');
  const digest = parseDigest(`sha256:${'1'.repeat(64)}`);
  const layer = { diffId: digest, blob: digest, compression: 'none' } as const;
  assert.equal(vertexKey({ ...exec, proxies: ['HTTP_PROXY=x'] }, [], ''), key);
  assert.equal(vertexKey({ ...exec, hostConfig: commandHostConfig({ Memory: 2 ** 30 }) }, [], ''), key);
  const ulimit = { Name: 'nofile', Soft: 100, Hard: 200 };
  assert.equal(vertexKey({ ...exec, hostConfig: commandHostConfig({ Ulimits: [] }) }, [], ''), key);
  const others = [
    vertexKey({ ...exec, hostConfig: commandHostConfig({ Ulimits: [ulimit] }) }, [], ''),
    vertexKey({ ...exec, hostConfig: commandHostConfig({ ShmSize: 1 << 20 }) }, [], ''),
    vertexKey({ ...exec, argv: ['false'] }, [], ''),
    vertexKey({ ...exec, env: ['A=2'] }, [], ''),
    vertexKey({ ...exec, user: 'user' }, [], ''),
    vertexKey({ ...exec, workingDirectory: '/tmp' }, [], ''),
    vertexKey({ ...exec, hostConfig: commandHostConfig({ NetworkMode: 'none' }) }, [], ''),
    vertexKey(exec, [layer], ''),
    vertexKey(exec, [], 'sum'),
  ];
  assert.equal(new Set([key, ...others]).size, others.length + 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPort } from '#base/ports.ts';
import { newContainerSpec } from '../new-container-spec.ts';
import { mergeImageDefaults } from './image-config.ts';
import { withImageDefaults } from './spec-defaults.ts';

test('entrypoint and command', () => {
  const image = { Entrypoint: ['entry'], Cmd: ['default'] };
  const cases = [
    [{}, ['entry'], ['default']],
    [{ Cmd: ['own'] }, ['entry'], ['own']],
    [{ Entrypoint: ['sh'] }, ['sh'], undefined],
    [{ Entrypoint: ['sh'], Cmd: ['-c'] }, ['sh'], ['-c']],
    [{ Entrypoint: [], Cmd: ['own'] }, [], ['own']],
    [{ Entrypoint: [] }, [], ['default']],
  ] as const;
  for (const [own, entrypoint, command] of cases) {
    const merged = mergeImageDefaults(own, image);
    assert.deepEqual([merged.Entrypoint, merged.Cmd], [entrypoint, command]);
  }
});

test('nothing to run', () => {
  const nothing = { code: 'invalid', reason: 'nothing-to-run' };
  assert.throws(() => withImageDefaults(newContainerSpec('i'), {}), nothing);
  const reset = newContainerSpec('i', { process: { entrypoint: [], command: [] } });
  assert.throws(() => withImageDefaults(reset, { Cmd: ['x'] }), nothing);
});

test('everything else: the word of the container first', () => {
  const spec = newContainerSpec('i', {
    labels: { a: 'own' },
    process: { command: ['x'], environment: ['A=own', 'C'] },
    network: { exposedPorts: [{ port: 1, protocol: 'tcp' }] },
    health: { intervalNs: 5 },
  });
  const merged = withImageDefaults(spec, {
    Env: ['A=image', 'B=image', 'C=image'],
    Labels: { a: 'image', b: 'image' },
    ExposedPorts: { '2/udp': {}, '8000-8001': {}, bad: {} },
    Volumes: { '/data': {} },
    User: 'app',
    WorkingDir: '/srv',
    StopSignal: 'SIGINT',
    Healthcheck: { Test: ['CMD', 'true'], Interval: 1, Retries: 3 },
  });
  const { process, stop } = merged;
  assert.deepEqual(process.environment, ['A=own', 'C', 'B=image']);
  assert.deepEqual(merged.labels, { a: 'own', b: 'image' });
  assert.deepEqual(merged.network.exposedPorts.map(formatPort).toSorted(), [
    '1/tcp',
    '2/udp',
    '8000/tcp',
    '8001/tcp',
  ]);
  assert.deepEqual(merged.mounts.anonymous, ['/data']);
  assert.deepEqual([process.user, process.workingDirectory, stop.signal], ['app', '/srv', 'SIGINT']);
  assert.deepEqual(merged.health, { probe: { kind: 'command', words: ['true'] }, intervalNs: 5, retries: 3 });
});

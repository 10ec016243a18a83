import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig } from '#wire/container.ts';
import { mergeImageConfig } from './image-config.ts';

const empty: ContainerConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: 'i',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

test('entrypoint and command', () => {
  const image = { Entrypoint: ['entry'], Cmd: ['default'] };
  const cases = [
    [{}, ['entry'], ['default']],
    [{ Cmd: ['own'] }, ['entry'], ['own']],
    [{ Entrypoint: ['sh'] }, ['sh'], null],
    [{ Entrypoint: ['sh'], Cmd: ['-c'] }, ['sh'], ['-c']],
    [{ Entrypoint: [''], Cmd: ['own'] }, null, ['own']],
    [{ Entrypoint: [] }, [], ['default']],
  ] as const;
  for (const [own, entrypoint, command] of cases) {
    const merged = mergeImageConfig({ ...empty, ...own }, image);
    assert.deepEqual([merged.Entrypoint, merged.Cmd], [entrypoint, command]);
  }
});

test('nothing to run', () => {
  assert.throws(() => mergeImageConfig(empty, {}), { code: 'invalid', message: 'no command specified' });
  const reset = { ...empty, Entrypoint: [''] };
  assert.throws(() => mergeImageConfig(reset, { Cmd: ['x'] }), { code: 'invalid' });
});

test('everything else: the client’s word first', () => {
  const merged = mergeImageConfig(
    {
      ...empty,
      Cmd: ['x'],
      Env: ['A=own', 'C'],
      Labels: { a: 'own' },
      ExposedPorts: { '1/tcp': {} },
      Healthcheck: { Interval: 5, Retries: 0 },
    },
    {
      Env: ['A=image', 'B=image', 'C=image'],
      Labels: { a: 'image', b: 'image' },
      ExposedPorts: { '2/udp': {} },
      Volumes: { '/data': {} },
      User: 'app',
      WorkingDir: '/srv',
      StopSignal: 'SIGINT',
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1, Retries: 3 },
    },
  );
  assert.deepEqual(merged.Env, ['A=own', 'C', 'B=image']);
  assert.deepEqual(merged.Labels, { a: 'own', b: 'image' });
  assert.deepEqual(merged.ExposedPorts, { '1/tcp': {}, '2/udp': {} });
  assert.deepEqual(merged.Volumes, { '/data': {} });
  assert.deepEqual([merged.User, merged.WorkingDir, merged.StopSignal], ['app', '/srv', 'SIGINT']);
  assert.deepEqual(merged.Healthcheck, { Test: ['CMD', 'true'], Interval: 5, Retries: 3 });
});

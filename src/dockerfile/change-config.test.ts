import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import { changeConfig } from './change-config.ts';
import { parseDockerfile } from './dockerfile.ts';

function configOf(line: string, config: ImageDefaults = {}): ImageDefaults {
  const [instruction] = parseDockerfile(`FROM a\n${line}\n`).stages[0]?.instructions ?? [];
  assert(instruction);
  switch (instruction.kind) {
    case 'run':
    case 'copy':
    case 'add':
    case 'workdir':
    case 'arg':
    case 'maintainer':
      throw new Error(`${line} changes files`);
    case 'cmd':
    case 'entrypoint':
    case 'env':
    case 'expose':
    case 'healthcheck':
    case 'label':
    case 'onbuild':
    case 'shell':
    case 'stopsignal':
    case 'user':
    case 'volume':
      return changeConfig(config, instruction, true).config;
  }
}

test('what is empty is left out of an image, as Docker leaves it out', () => {
  const config = { User: 'u', Cmd: ['c'], Entrypoint: ['e'] };
  assert.deepEqual(configOf('CMD []', config), { User: 'u', Entrypoint: ['e'], ArgsEscaped: true });
  assert.deepEqual(configOf('ENTRYPOINT []', config), { User: 'u', Cmd: ['c'] });
});

test('signals and volumes are checked with their values', () => {
  for (const signal of ['SIGTERM', 'term', '9', 'SIGRTMIN+3'])
    assert.equal(configOf(`STOPSIGNAL ${signal}`).StopSignal, signal);
  for (const signal of ['SIGFOO', '0', 'a b', '""'])
    assert.throws(() => configOf(`STOPSIGNAL ${signal}`), { code: 'invalid' }, signal);
  const empty = { kind: 'volume', paths: ['/a', ''] } as const;
  const [volume] = parseDockerfile('FROM a\nVOLUME /a\n').stages[0]?.instructions ?? [];
  assert(volume?.kind === 'volume');
  assert.throws(() => changeConfig({}, { ...volume, ...empty }, false), /can not be an empty string/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonOptions } from './daemon-options.ts';
import { parseConfig, parseFlags } from './daemon-settings.ts';
import { imageBudget } from './image-gc-setting.ts';

test('sizes are powers of 1024, ages durations; an hour is the least age by default', () => {
  assert.deepEqual(imageBudget({ 'max-size': '20GB' }), {
    maximumBytes: 20 * 2 ** 30,
    minimumAgeMs: 3_600_000,
    keep: [],
  });
  assert.deepEqual(imageBudget({ 'max-size': 1000, 'min-age': '24h', keep: ['label=a', 'x/*'] }), {
    maximumBytes: 1000,
    minimumAgeMs: 86_400_000,
    keep: ['label=a', 'x/*'],
  });
});

test('what makes no sense is refused', () => {
  for (const setting of [
    {},
    { 'max-size': 'much' },
    { 'max-size': '1g', 'min-age': 'old' },
    { 'max-size': '1g', 'min-age': '-1h' },
    { 'max-size': '1g', keep: [1] },
    { 'max-size': '1g', maxage: '1h' },
  ])
    assert.throws(() => imageBudget(setting), /Cannot use image-gc/, JSON.stringify(setting));
});

test('in the configuration file and on the command line', () => {
  const config = parseConfig(
    'daemon.json',
    '{"image-gc": {"max-size": "1k", "min-age": "0s", "keep": ["a", "b"]}}',
  );
  const flags = parseFlags(['--image-gc', 'max-size=1k', '--image-gc=min-age=0s', '--image-gc', 'keep=a,b']);
  const expected = { maximumBytes: 1024, minimumAgeMs: 0, keep: ['a', 'b'] };
  assert.deepEqual(daemonOptions(config).engine.imageBudget, expected);
  assert.deepEqual(daemonOptions(flags).engine.imageBudget, expected);
  assert.equal(daemonOptions(new Map()).engine.imageBudget, undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpText, mergeSettings, parseConfig, parseFlags } from './daemon-settings.ts';

test('flags have dockerd names, aliases, short forms and repeat', () => {
  const values = parseFlags([
    '-H',
    'unix:///a',
    '--host=tcp://127.0.0.1:1',
    '--data-root',
    '/x',
    '-D',
    '--icc=false',
  ]);
  assert.deepEqual(values.get('hosts'), ['unix:///a', 'tcp://127.0.0.1:1']);
  assert.equal(values.get('root'), '/x');
  assert.equal(values.get('debug'), true);
  assert.equal(values.get('icc'), false);
});

test('pairs collect and ulimits are read', () => {
  const values = parseFlags([
    '--log-opt',
    'max-size=1m',
    '--log-opt=max-file=2',
    '--default-ulimit',
    'nofile=64:128',
  ]);
  assert.deepEqual(values.get('log-opts'), { 'max-size': '1m', 'max-file': '2' });
  assert.deepEqual(values.get('default-ulimits'), { nofile: { Name: 'nofile', Soft: 64, Hard: 128 } });
});

test('bad flags say what is wrong', () => {
  assert.throws(() => parseFlags(['--nope']), /no such flag/);
  assert.throws(() => parseFlags(['word']), /no such flag/);
  assert.throws(() => parseFlags(['--root']), /needs a value/);
  assert.throws(() => parseFlags(['--icc=perhaps']), /true or false/);
  assert.throws(() => parseFlags(['--network-pool=-1']), /whole number/);
  assert.throws(() => parseFlags(['--log-opt', 'alone']), /KEY=VALUE/);
});

test('the configuration file is checked against the same table', () => {
  const values = parseConfig(
    '/c.json',
    '{"data-root": "/x", "hosts": ["unix:///a"], "log-opts": {"a": "b"}}',
  );
  assert.equal(values.get('root'), '/x');
  assert.throws(() => parseConfig('/c.json', '{'), /not valid JSON/);
  assert.throws(() => parseConfig('/c.json', '[]'), /not an object/);
  assert.throws(() => parseConfig('/c.json', '{"nope": 1}'), /no such key as "nope"/);
  assert.throws(() => parseConfig('/c.json', '{"hosts": "unix:///a"}'), /"hosts" must be a list/);
});

test('a setting in both places is refused', () => {
  const config = parseConfig('/c.json', '{"debug": true}');
  assert.throws(() => mergeSettings(parseFlags(['-D']), config), /both as a flag and in the configuration/);
  assert.equal(mergeSettings(parseFlags(['--icc']), config).size, 2);
});

test('help names every effective flag and an example', () => {
  assert.match(helpText(), /--bip string/);
  assert.match(helpText(), /Example:/);
});

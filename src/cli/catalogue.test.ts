import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAISSON_VERSION } from './caisson-version.ts';
import { allCommands, findCommand } from './catalogue.ts';
import { completionScript } from './completion/scripts.ts';
import { commandHelp, programHelp } from './help.ts';
import { nearest } from './suggest.ts';

test('every command loads and helps', async () => {
  const commands = [...allCommands()];
  assert.ok(commands.length > 80);
  for (const { path } of commands) {
    const found = findCommand(path);
    assert.equal(found.kind, 'command', path.join(' '));
    if (found.kind !== 'command') continue;
    const command = await found.load();
    assert.match(commandHelp(found, command), new RegExp(`^\nUsage:  caisson ${path.join(' ')}`));
    const letters = Object.values(command.flags).flatMap(({ short }) => short ?? []);
    assert.equal(new Set(letters).size, letters.length, `${path.join(' ')} has a letter twice`);
  }
});

const kindOf = (line: string) => findCommand(line.split(' ')).kind;

test('commands are found by their words, groups and aliases', () => {
  assert.deepEqual(
    [
      kindOf('ps -a'),
      kindOf('container list'),
      kindOf('container'),
      kindOf('container pss'),
      kindOf('constructor'),
    ],
    ['command', 'command', 'group', 'unknown', 'unknown'],
  );
});

test('the list of all commands has what people look for', async () => {
  const help = await programHelp();
  for (const word of ['run', 'bootstrap', 'container', 'logs', '--host'])
    assert.ok(help.includes(`  ${word} `) || help.includes(word));
});

test('completion knows the flags and asks for names', async () => {
  const bash = await completionScript('bash');
  assert.match(bash, /"container run"\) .*--publish/);
  assert.match(bash, /"exec"\) .*caisson ps --format/);
  assert.match(await completionScript('fish'), /complete -c caisson -f -n '__caisson_at volume' -a prune/);
});

test('misspelt words are recognized', () => {
  assert.deepEqual(nearest('imgaes', ['image', 'images', 'info']), ['images']);
  assert.deepEqual(nearest('xyzzy', ['image', 'images', 'info']), []);
});

test('the version is the package’s', () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  assert.equal(CAISSON_VERSION, manifest.version);
});

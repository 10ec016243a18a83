import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAISSON_VERSION } from './caisson-version.ts';
import { allCommands, findCommand } from './catalogue.ts';
import { completionScript } from './completion/scripts.ts';
import { commandHelp, programHelp } from './help.ts';
import { parseFlags } from './parse-flags.ts';
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

/** The words of a line up to what the shell takes from it. */
function wordsOf(line: string): readonly string[] {
  const [own = ''] = line.split(/ [|<>] /);
  const words = own.matchAll(/(?:\$\([^)]*\)|[^\s'"]|'[^']*'|"[^"]*")+/g);
  return [...words].map(([word]) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

test('every command shows by examples how it is called', async () => {
  for (const { path } of allCommands()) {
    const found = findCommand(path);
    assert.ok(found.kind === 'command');
    const shown = /\nExamples:\n((?: {2}.*\n)+)/.exec(commandHelp(found, await found.load()))?.[1] ?? '';
    const examples = shown
      .trimEnd()
      .split('\n')
      .map((line) => line.trim());
    for (const [index, example] of examples.entries()) {
      const [program, ...words] = wordsOf(example);
      assert.equal(program, 'caisson', example);
      const called = findCommand(words);
      assert.ok(called.kind === 'command', example);
      if (index === 0) assert.equal(called.entry.load, found.entry.load, `${example}: not ${path.join(' ')}`);
      const { flags, interspersed = true, operands } = await called.load();
      const { rest } = parseFlags(flags, called.rest, { interspersed });
      assert.ok(rest.length >= operands.min && rest.length <= operands.max, example);
    }
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

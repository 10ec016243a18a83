import assert from 'node:assert/strict';
import { test } from 'node:test';
import { booleanFlag, filterFlag, integerFlag, listFlag, stringFlag } from './flag.ts';
import { parseFlags } from './parse-flags.ts';
import { UsageError } from './usage-error.ts';

const table = {
  all: booleanFlag('', { short: 'a' }),
  interactive: booleanFlag('', { short: 'i' }),
  tty: booleanFlag('', { short: 't' }),
  sigProxy: booleanFlag('', { initial: true }),
  env: listFlag('', { short: 'e' }),
  name: stringFlag(''),
  last: integerFlag('', { short: 'n' }),
  filter: filterFlag('', { short: 'f' }),
  network: stringFlag('', { aliases: ['net'] }),
};

const parse = (line: string, interspersed = true) => parseFlags(table, line.split(' '), { interspersed });

test('every way of writing a flag', () => {
  const { values, given, rest } = parse('-it --env A=1 -eB=2 -e=C=3 --name=x --sig-proxy=false -n 5 img');
  assert.deepEqual(
    [values.interactive, values.tty, values.env, values.name, values.sigProxy, values.last, rest],
    [true, true, ['A=1', 'B=2', 'C=3'], 'x', false, 5, ['img']],
  );
  assert.ok(given.has('sigProxy') && !given.has('all'));
});

test('flags end at the first operand where they are not interspersed, and at --', () => {
  assert.deepEqual(parse('-a img -t --name x', false).rest, ['img', '-t', '--name', 'x']);
  assert.deepEqual(parse('img -a -- -t').rest, ['img', '-t']);
  assert.equal(parse('img -a').values.all, true);
});

test('switches and a value in one word', () => {
  assert.deepEqual(parse('-itn5').values.last, 5);
  assert.deepEqual(parse('-ite X=1').values.env, ['X=1']);
});

test('old names and filters', () => {
  assert.equal(parse('--net host').values.network, 'host');
  assert.deepEqual(parse('-f status=exited -f Label=a=b -f status=created').values.filter, {
    status: ['exited', 'created'],
    label: ['a=b'],
  });
});

test('help is asked with --help, and with -h where no flag has that letter', () => {
  assert.ok(parse('--help').help);
  assert.ok(parse('-ah').help);
});

const refused: readonly (readonly [line: string, message: RegExp])[] = [
  ['--nmae x', /^unknown flag: --nmae\nDid you mean --name\?$/],
  ['-z', /^unknown shorthand flag: 'z' in -z$/],
  ['--name', /^flag needs an argument: --name$/],
  ['-ie', /^flag needs an argument: 'e' in -ie$/],
  ['-n x', /^invalid argument "x" for "-n, --last" flag: /],
  ['--all=maybe', /^invalid argument "maybe" for "-a, --all" flag: /],
  ['-f status', /bad format of filter \(expected name=value\)$/],
];

for (const [line, message] of refused) {
  test(`${line} is refused`, () => {
    assert.throws(
      () => parse(line),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

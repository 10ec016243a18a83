import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import type { ParsedFile, Statement } from './ast.ts';
import { parseDockerfile } from './dockerfile.ts';
import { expandInstruction } from './expand-instruction.ts';
import { lintDockerfile } from './lint/lint.ts';
import { parseFile } from './parse/parser.ts';
import { printDockerfile } from './print.fixture.ts';

/** A Dockerfile and its parts, from a seed: every failure names its seed. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 2_246_822_519) + 374_761_393) >>> 0;
    return this.#state % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  many(limit: number, make: () => string, separator = ''): string {
    return Array.from({ length: this.below(limit + 1) }, make).join(separator);
  }
}

const KEYWORDS = [
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD RUN',
  'ONBUILD COPY',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
  'run',
  'Copy',
];
const FRAGMENTS = [
  'a',
  'b',
  '$X',
  '${X:-y}',
  ' ',
  '  ',
  '\t',
  '"',
  "'",
  '\\',
  '\\ ',
  '`',
  '=',
  '=',
  ',',
  '/',
  '.',
  '<<E',
  '<<-E',
  '--x=1',
  '--from=a',
  '[',
  ']',
  '["a", "b"]',
  '#',
  'é',
  '😀',
  '\\\n',
  '`\n',
  '\\\n# c\n',
  '\r\n',
  ':',
  '%',
  '-',
];

function randomLine(random: Random): string {
  const line = `${random.pick(KEYWORDS)} ${random.many(6, () => random.pick(FRAGMENTS))}`;
  const heredoc = line.includes('<<') ? `\n${random.many(2, () => 'text $X\n')}E` : '';
  return `${random.below(6) === 0 ? '# comment\n' : ''}${line}${heredoc}\n`;
}

function randomFile(random: Random): string {
  const directive = random.pick(['', '', '# escape=`\n', '# syntax=x\n', '# a comment\n\n']);
  return `${directive}${random.many(8, () => randomLine(random))}`;
}

/** What must survive printing. */
function essence(statement: Statement): unknown {
  return {
    keyword: statement.keyword.text,
    flags: statement.flags.map(({ text }) => text),
    form: statement.form,
    args: statement.args.map(({ text }) => text),
    heredocs: statement.heredocs.map(({ range, ...rest }) => ({
      ...rest,
      lines: range.end.line - range.start.line,
    })),
    comments: statement.comments,
    trigger: statement.trigger === undefined ? undefined : essence(statement.trigger),
  };
}

/** Undefined if the text cannot be read, or has a line of nothing but continuations: an unknown instruction later. */
function tryParseFile(text: string): ParsedFile | undefined {
  try {
    const file = parseFile({ name: 'Dockerfile', text });
    return file.statements.every(({ keyword }) => keyword.text !== '') ? file : undefined;
  } catch (error) {
    assert.ok(isEngineError(error, 'invalid'), String(error));
    return undefined;
  }
}

suite('random Dockerfiles', () => {
  test('print, then parse: the same', () => {
    let compared = 0;
    for (let seed = 0; seed < 8000; seed += 1) {
      const file = tryParseFile(randomFile(new Random(seed)));
      if (file === undefined) continue;
      compared += 1;
      const printed = printDockerfile(file);
      const again = parseFile({ name: 'Dockerfile', text: printed });
      const note = `seed ${seed}:\n${printed}`;
      assert.deepEqual(again.statements.map(essence), file.statements.map(essence), note);
      assert.deepEqual(
        again.directives.map(({ name, value }) => [name, value]),
        file.directives.map(({ name, value }) => [name, value]),
        note,
      );
    }
    assert.ok(compared > 1500, `only ${compared} files could be read`);
  });

  test('positions point at the text they stand for', () => {
    for (let seed = 0; seed < 3000; seed += 1) {
      const text = randomFile(new Random(seed));
      const file = tryParseFile(text);
      if (file === undefined) continue;
      const lines = text.split('\n');
      for (const { keyword, range } of file.statements) {
        const { line, column } = keyword.range.start;
        /* A keyword may be continued on the next line. */
        const first = keyword.text.slice(0, 1);
        assert.equal(lines[line - 1]?.slice(column - 1, column), first, `seed ${seed}: ${keyword.text}`);
        assert.ok(range.end.line <= lines.length, `seed ${seed}`);
      }
    }
  });

  test('whatever the text, only EngineErrors', () => {
    for (let seed = 0; seed < 4000; seed += 1) exercise(`FROM a\n${randomFile(new Random(seed))}`);
  });
});

/** Everything there is to do with a file. */
function exercise(text: string): void {
  try {
    const file = parseDockerfile(text);
    for (const { instructions } of file.stages)
      for (const instruction of instructions)
        try {
          expandInstruction(instruction, { variables: new Map([['X', 'a b']]), escape: file.escape });
        } catch (error) {
          assert.ok(isEngineError(error, 'invalid'), String(error));
        }
    lintDockerfile(file, {
      scope: {
        buildArgs: new Map(),
        buildPlatform: { os: 'linux', architecture: 'amd64' },
        targetPlatform: { os: 'linux', architecture: 'amd64' },
        targetStage: '',
      },
    });
  } catch (error) {
    assert.ok(isEngineError(error, 'invalid'), String(error));
  }
}

const MEGABYTE = 1 << 20;

function repeated(unit: string): string {
  return unit.repeat(Math.ceil(MEGABYTE / unit.length));
}

function noise(seed: number, alphabet: readonly string[]): string {
  const random = new Random(seed);
  const parts: string[] = [];
  for (let length = 0; length < MEGABYTE; length += 2) parts.push(random.pick(alphabet));
  return parts.join('');
}

suite('a megabyte of garbage takes bounded time', () => {
  const controls = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const inputs: Readonly<Record<string, string>> = {
    'control characters': noise(1, controls),
    'words of the language': noise(2, [...KEYWORDS, ...FRAGMENTS, '\n', '\n']),
    'one endless continuation': `FROM a\nRUN ${repeated('x \\\n')}`,
    'flags over many lines': `FROM a\nRUN ${repeated('--mount=type=bind,target=/x \\\n')}`,
    'pairs over many lines': `FROM a\nENV ${repeated('a=$b \\\n')}`,
    'nested braces': `FROM a\nENV a=${repeated('${a:-\\\n')}`,
    'open quotes': `FROM a\nCOPY ${repeated('"\\\n\' \\\n')}`,
    'heredoc blanks': `FROM a\nRUN <<${repeated(' \\\n')}<x`,
    'many heredocs': `FROM a\nRUN ${repeated('<<A \\\n')}`,
    'ONBUILD in itself': `FROM a\n${repeated('ONBUILD \\\n')}`,
    brackets: `FROM a\nCMD ${repeated('[\\\n')}`,
    'JSON strings': `FROM a\nCMD [${repeated('"a",\\\n')}"b"]`,
    stages: repeated('FROM a AS b\nCOPY --from=b c d\n'),
    comments: `${repeated('# x\n')}FROM a`,
    'empty lines': `FROM a\nRUN \\\n${repeated('\n')}x`,
    blanks: `FROM a\n${repeated(`${' '.repeat(1000)}\\\n`)}`,
    patterns: `FROM a\nARG A=${'a'.repeat(9000)}\nENV B=\${A##${'*a'.repeat(100)}b}`,
    'doubling variables': `FROM a\nENV A=aaaaaaaa\n${Array.from({ length: 40 }, () => 'ENV A=$A$A$A$A').join('\n')}`,
  };
  for (const [name, text] of Object.entries(inputs))
    test(name, () => {
      const elapsed = cpuMsOf(text);
      // More is asked only of a machine that is fast just now.
      const isBounded = elapsed < 5000 || elapsed < 20 * cpuMsOf(ORDINARY);
      assert.ok(isBounded, `${Math.round(elapsed)} ms`);
    });
});

const ORDINARY = `FROM a\n${repeated('ENV A=b\nCOPY a b\nRUN make -C /src all\n')}`;

/** Time of the processor, so that the load of the machine makes little difference. */
function cpuMsOf(text: string): number {
  const before = process.cpuUsage();
  exercise(text);
  return process.cpuUsage(before).user / 1000;
}

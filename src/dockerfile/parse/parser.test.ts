import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Statement } from '../ast.ts';
import { DockerfileError } from '../dockerfile-error.ts';
import { parseFile } from './parser.ts';

function parse(text: string): readonly Statement[] {
  return parseFile({ name: 'Dockerfile', text }).statements;
}

function one(text: string): Statement {
  const statements = parse(text);
  assert.equal(statements.length, 1);
  return statements[0]!;
}

function texts(statement: Statement): string[] {
  return statement.args.map((token) => token.text);
}

suite('Dockerfile lines', () => {
  test('every token knows its line and column', () => {
    const from = one('# about\n  FROM --platform=$P alpine \\\n  # not this\n\tAS x\n');
    assert.deepEqual(texts(from), ['alpine', 'AS', 'x']);
    assert.deepEqual(from.keyword.range, { start: { line: 2, column: 3 }, end: { line: 2, column: 7 } });
    assert.deepEqual(from.flags[0], {
      text: '--platform=$P',
      range: { start: { line: 2, column: 8 }, end: { line: 2, column: 21 } },
    });
    assert.deepEqual(from.args[2]?.range, { start: { line: 4, column: 5 }, end: { line: 4, column: 6 } });
    assert.deepEqual(from.range, { start: { line: 2, column: 3 }, end: { line: 4, column: 6 } });
    assert.deepEqual(from.comments, ['about']);
  });

  test('continuations join without a blank, over comments and empty lines', () => {
    const file = parseFile({ name: 'D', text: 'RUN a\\\n# c\n\n  b \\  \nc' });
    assert.deepEqual(texts(file.statements[0]!), ['a  b c']);
    assert.equal(file.emptyContinuations.length, 1);
    assert.deepEqual(texts(one('RUN a \\\\\n')), ['a \\\\'], 'an escaped escape continues nothing');
    assert.deepEqual(texts(one('RUN a \\')), ['a'], 'the end of the file ends a line');
    assert.equal(parseFile({ name: 'D', text: 'RUN a \\\n# c\n b' }).emptyContinuations.length, 0);
  });

  test('line endings and a byte order mark do not matter', () => {
    assert.deepEqual(parse('\uFEFFFROM a\r\nRUN b \\\r\n c\r\n').map(texts), [['a'], ['b  c']]);
  });

  test('directives count at the top only', () => {
    const file = parseFile({ name: 'D', text: '# Syntax = x/y:1 \n#escape=`\n\nRUN a `\n b\n' });
    assert.deepEqual(
      file.directives.map(({ name, value }) => [name, value]),
      [
        ['syntax', 'x/y:1'],
        ['escape', '`'],
      ],
    );
    assert.equal(file.escape, '`');
    assert.deepEqual(texts(file.statements[0]!), ['a  b']);
    assert.equal(parseFile({ name: 'D', text: '# a comment\n# escape=`\nFROM a' }).escape, '\\');
  });

  test('arguments are cut as their instruction wants it', () => {
    assert.deepEqual(texts(one('ENV a=1 b="x y" c=\\ z')), [
      'a',
      '1',
      '=',
      'b',
      '"x y"',
      '=',
      'c',
      '\\ z',
      '=',
    ]);
    assert.deepEqual(texts(one('ENV a  b  c ')), ['a', 'b  c', '']);
    assert.deepEqual(texts(one('COPY a  b\tc')), ['a', 'b', 'c']);
    assert.deepEqual(texts(one('COPY ["a b", "c\\"d"]')), ['a b', 'c"d']);
    assert.equal(one('COPY ["a", "b"]').form, 'json');
    assert.deepEqual(texts(one("CMD ['a']")), ["['a']"], 'single quotes are no JSON');
    assert.equal(one('CMD ["a"] x').form, 'plain');
    assert.equal(one('CMD [1] # x').form, 'plain', 'no array of strings');
    for (const keyword of ['CMD', 'ENTRYPOINT', 'RUN', 'SHELL', 'COPY', 'ADD', 'VOLUME', 'ONBUILD CMD']) {
      const statement = one(`${keyword} [ "a#]" , "b\\"c" ] # it is "x"]`);
      const { form, args, trailingComment } = statement.trigger ?? statement;
      assert.deepEqual([form, ...args.map(({ text }) => text)], ['json', 'a#]', 'b"c'], keyword);
      assert.equal(trailingComment?.text, '# it is "x"]');
    }
    assert.deepEqual(texts(one('HEALTHCHECK CMD ["a"]#b')), ['CMD', 'a']);
    assert.equal(one('CMD [] # x').form, 'json');
    assert.deepEqual(texts(one('CMD echo ["a"] # b')), ['echo ["a"] # b']);
    assert.deepEqual(texts(one('HEALTHCHECK --interval=1s CMD  ["a", "b"]')), ['CMD', 'a', 'b']);
    assert.deepEqual(texts(one('MAINTAINER a  b')), ['a  b']);
    assert.deepEqual(texts(one('ARG a b=c "d=e f"')), ['a', 'b=c', '"d=e f"']);
  });

  test('flags end at the first other word, or at --', () => {
    const run = one('RUN --mount="type=bind,target=/a b" --network=none -- --x');
    assert.deepEqual(
      run.flags.map(({ text }) => text),
      ['--mount=type=bind,target=/a b', '--network=none'],
    );
    assert.deepEqual(texts(run), ['--x']);
  });
});

suite('heredocs', () => {
  test('several on a line, quoted, with tabs taken off', () => {
    const copy = one('COPY <<A 3<<-"B" /d\nx $y\nA\n\tq\n\tB\n');
    assert.deepEqual(
      copy.heredocs.map(({ name, expand, chomp, fileDescriptor, content }) => ({
        name,
        expand,
        chomp,
        fileDescriptor,
        content,
      })),
      [
        { name: 'A', expand: true, chomp: false, fileDescriptor: 0, content: 'x $y\n' },
        { name: 'B', expand: false, chomp: true, fileDescriptor: 3, content: '\tq\n' },
      ],
    );
    assert.equal(copy.range.end.line, 5);
  });

  test('only where the instruction takes them', () => {
    assert.equal(parse('ENV a=<<A\nRUN b').length, 2);
    assert.equal(parse('RUN ["<<A"]\nRUN b').length, 2);
    assert.equal(parse("RUN it's <<A\nRUN b").length, 2, 'an open quote hides it');
    assert.equal(one('RUN cat <<A && cat <<B\n1\nA\n2\nB\n').heredocs.length, 2);
    assert.equal(one('ONBUILD RUN <<A\nx\nA\n').heredocs[0]?.content, 'x\n');
    assert.equal(one('RUN a <<<b').heredocs.length, 0);
  });

  test('lines in them are no comments, no continuations', () => {
    assert.equal(one('RUN <<A\n# x \\\n\nA').heredocs[0]?.content, '# x \\\n\n');
  });
});

test('what cannot be read says so, and where', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['', 'the Dockerfile cannot be empty', 1],
    ['# only\n\n# comments', 'file with no instructions', 3],
    ['FROM a\nENV b', 'ENV must have two arguments', 2],
    ['FROM a\nLABEL a=b c', 'Syntax error - can\'t find = in "c". Must be of the form: name=value', 2],
    ['FROM a\nRUN <<A\nx\n', 'unterminated heredoc', 2],
    ['#escape=`\n#escape=`', 'only one escape parser directive can be used', 2],
    ['#escape=x', "invalid escape token 'x' does not match ` or \\", 1],
    ['CMD ["a", 1]', 'when using JSON array syntax, arrays must be comprised of strings only', 1],
    [`RUN ${'x'.repeat(70_000)}`, 'dockerfile line greater than max allowed size of 65535', 1],
  ];
  for (const [text, message, line] of cases)
    assert.throws(
      () => parse(text),
      (error) =>
        error instanceof DockerfileError &&
        error.code === 'invalid' &&
        error.message === message &&
        error.ranges[0]?.start.line === line &&
        error.source?.name === 'Dockerfile',
      message,
    );
});

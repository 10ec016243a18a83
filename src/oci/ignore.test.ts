import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compileIgnore, ignoreFileNames, parseIgnoreFile } from './ignore.ts';

function ignored(patterns: string, path: string): boolean {
  return compileIgnore(parseIgnoreFile(patterns)).matches(path);
}

function canSkip(patterns: string, directory: string): boolean {
  return compileIgnore(parseIgnoreFile(patterns)).canSkip(directory);
}

suite('.dockerignore', () => {
  test('lines', () => {
    assert.deepEqual(parseIgnoreFile('\uFEFF# no\n #yes\n\n  /a/ \r\n! /b/../c\n./d//e\n!\n'), [
      '#yes',
      'a',
      '!c',
      'd/e',
      '!',
    ]);
    assert.deepEqual(ignoreFileNames('sub/Dockerfile'), ['sub/Dockerfile.dockerignore', '.dockerignore']);
  });

  test('what matches', () => {
    for (const [pattern, path, expected] of [
      ['a', 'a', true],
      ['a', 'a/b/c', true],
      ['a', 'b/a', false],
      ['*', 'a/b', true],
      ['*.md', 'x.md', true],
      ['*.md', 'd/x.md', false],
      ['*/x', 'd/x', true],
      ['*/x', 'd/e/x', false],
      ['**/x', 'x', true],
      ['**/x', 'd/e/x', true],
      ['**/x', 'd/ex', false],
      ['**/*.go', 'd/e/f.go', true],
      ['**/*.go', 'f.go', true],
      ['a/**', 'a/b', true],
      ['a/**', 'a', false],
      ['a/**/b', 'a/b', true],
      ['a/**/b', 'a/x/y/b', true],
      ['a/**/b', 'a/xb', false],
      ['a**b', 'ax/b', true],
      ['a**b', 'axb', false],
      ['**b', 'axb', true],
      ['a?', 'ab', true],
      ['a?', 'a/', false],
      ['[a-c]x', 'bx', true],
      ['[^a-c]x', 'bx', false],
      ['[^a-c]x', 'dx', true],
      ['[!a]x', '!x', true],
      ['a.b', 'axb', false],
      ['a+(b){c}|$', 'a+(b){c}|$', true],
      ['\\*', '*', true],
      ['\\*', 'a', false],
      ['node-*', 'node-1', true],
      ['*.tar-?', 'x.tar-1', true],
      ['[a\\-]x', '-x', true],
      ['[a-💥]x', 'éx', true],
      ['**', 'a/b', true],
      ['*', 'a\nb', true],
      ['*\n!keep', 'keep', false],
      ['*\n!keep', 'keep/x', false],
      ['*\n!keep\nkeep/x', 'keep/x', true],
      ['a\n!a/b\n*/b', 'a/b', true],
      ['**/node_modules\n!a/node_modules/x', 'a/node_modules/x', false],
      ['!x', 'x', false],
      ['.', '', false],
    ] as const)
      assert.equal(ignored(pattern, path), expected, `${JSON.stringify(pattern)} on ${JSON.stringify(path)}`);
  });

  test('directories that need not be walked', () => {
    assert.equal(canSkip('a', 'a'), true);
    assert.equal(canSkip('a', 'b'), false);
    assert.equal(canSkip('a\n!a/b/c', 'a'), false);
    assert.equal(canSkip('a\n!a/b/c', 'a/b'), false);
    assert.equal(canSkip('a\n!a/b/c', 'a/x'), true);
    assert.equal(canSkip('a\n!**/c', 'a/x'), false);
  });

  test('malformed patterns', () => {
    for (const pattern of ['!', '[a', '[]', '[a-]', 'a\\', '[^'])
      assert.throws(() => compileIgnore([pattern]), { code: 'invalid' }, pattern);
  });

  test('the two matchers agree', () => {
    const fragments = ['a', 'b', '/', '*', '**', '?', '[ab]', '/'];
    const random = seeded(7);
    const pick = (count: number, from: readonly string[]): string =>
      Array.from({ length: count }, () => from[Math.floor(random() * from.length)] ?? '').join('');
    for (let round = 0; round < 3000; round += 1) {
      const pattern = pick(1 + Math.floor(random() * 6), fragments);
      const path = pick(1 + Math.floor(random() * 7), ['a', 'b', '/', 'a'])
        .replace(/^\/+|\/+$/g, '')
        .replace(/\/+/g, '/');
      const expected = reference(pattern, path);
      if (expected !== undefined)
        assert.equal(compileIgnore([pattern]).matches(path), expected, `${pattern} on ${path}`);
    }
  });

  test('a tree of many files, and hostile patterns, in bounded time', () => {
    const matcher = compileIgnore(['**/*.o', 'a/*/c', '**/[xy]?/*', '*a*a*a*a*a*a*a*a*b', '!**/keep/**']);
    const before = process.cpuUsage();
    for (let index = 0; index < 8000; index += 1)
      matcher.matches(`src/d${index % 90}/e${index % 7}/file${index}.ts`);
    matcher.matches('a'.repeat(4000));
    assert.ok(process.cpuUsage(before).user < 2_000_000);
  });
});

/** Straight from the definition: any ancestor or the path, each by backtracking over a cleaned pattern. */
function reference(pattern: string, path: string): boolean | undefined {
  const cleaned = pattern.replace(/\/+/g, '/').replace(/^(.+)\/$/, '$1');
  if (path === '' || /\*\*\*/.test(cleaned)) return undefined;
  let source = '';
  for (let index = 0; index < cleaned.length; index += 1) {
    const rest = cleaned.slice(index);
    if (rest === '**' || rest === '**/') return matchesAny(`${source}.*`, path);
    if (rest.startsWith('**')) {
      /* A literal after a leading `**` is a suffix. */
      if (index === 0 && /^\*\*[^/*?[]+[^*?[]*$/.test(rest)) source += '.*';
      else source += '(?:.*/)?';
      index += rest.startsWith('**/') ? 2 : 1;
    } else if (rest.startsWith('*')) source += '[^/]*';
    else if (rest.startsWith('?')) source += '[^/]';
    else if (rest.startsWith('[ab]')) {
      source += '[ab]';
      index += 3;
    } else source += rest[0];
  }
  return matchesAny(source, path);
}

function matchesAny(source: string, path: string): boolean {
  const parts = path.split('/');
  return parts.some((_, index) => new RegExp(`^${source}$`, 's').test(parts.slice(0, index + 1).join('/')));
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSnippet } from './source-snippet.ts';

function place(first: number, last = first) {
  return { start: { line: first, column: 1 }, end: { line: last, column: 1 } };
}

test('the lines of an error, marked, with some around them', () => {
  const text = Array.from({ length: 9 }, (_, index) => `line ${index + 1}`).join('\n');
  assert.equal(
    formatSnippet({ name: 'Dockerfile', text }, [place(5)]),
    [
      'Dockerfile:5',
      '--------------------',
      '   3 |     line 3',
      '   4 |     line 4',
      '   5 | >>> line 5',
      '   6 |     line 6',
      '   7 |     line 7',
      '--------------------',
      '',
    ].join('\n'),
  );
  assert.equal(
    formatSnippet({ name: 'a/D', text: 'x\r\ny\r\nz' }, [place(1, 2)]),
    'a/D:1\n--------------------\n   1 | >>> x\n   2 | >>> y\n   3 |     z\n--------------------\n',
  );
});

test('nothing where there is nothing to show', () => {
  assert.equal(formatSnippet({ name: 'D', text: 'x' }, []), '');
  assert.equal(formatSnippet({ name: 'D', text: 'x' }, [place(7)]), '');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structuralFault } from './json-structure.ts';

test('keys count once in each object, however they are written', () => {
  const unique = [
    '{}',
    '{"a":1,"b":{"a":[{"a":1},{"a":2}]}}',
    '{"a":"b","b":"a\\":","c":"{\\"a\\":1"}',
    '["a","a",{"a":"a"}]',
  ];
  const double = ['{"a":1,"a":1}', '{"b":[{"a":{},"x":[], "a" :2}]}', '{"a":1,"\\u0061":2}'];
  for (const text of unique) assert.equal(structuralFault(text), undefined, text);
  for (const text of double) assert.equal(structuralFault(text), 'a field is there twice', text);
});

function nested(depth: number): string {
  return '{"a":['.repeat(depth / 2) + ']}'.repeat(depth / 2);
}

test('depth is bounded, brackets in strings are none', () => {
  assert.equal(structuralFault(nested(100)), undefined);
  assert.match(structuralFault(nested(102)) ?? '', /more than 100 deep/);
  assert.match(structuralFault(nested(1_000_000)) ?? '', /more than 100 deep/);
  assert.equal(
    structuralFault(JSON.stringify({ x: '['.repeat(1_000_000), y: '\\"'.repeat(100_000) })),
    undefined,
  );
});

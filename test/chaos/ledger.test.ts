import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from './ledger.ts';

test('what was told to be there and is not is lost; what was told to be gone and is there is back', () => {
  const ledger = new Ledger();
  for (const [name, told] of [
    ['kept', 'there'],
    ['dropped', 'there'],
    ['removed', 'gone'],
    ['returned', 'gone'],
    ['begun', 'unknown'],
    ['begun-and-there', 'unknown'],
  ] as const)
    ledger.begin('volume', name).told = told;
  assert.deepEqual(ledger.compare('volume', new Set(['kept', 'returned', 'begun-and-there', 'another'])), [
    'volume dropped is lost',
    'volume returned is back',
  ]);
  // From here on that counts.
  assert.deepEqual(ledger.compare('volume', new Set(['kept', 'returned'])), [
    'volume begun-and-there is lost',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differentUntil, each, eachValue, fields, omittedEmptySince, since, until } from './field-rules.ts';
import { apiVersion } from './versions.ts';

interface Thing {
  readonly name: string;
  readonly parts: readonly { readonly size: number; readonly note: string }[] | null;
  readonly places: Readonly<Record<string, { readonly open: boolean }>>;
  readonly former?: string;
}

const part = fields<{ readonly size: number; readonly note: string }>({
  size: since('1.30'),
  note: omittedEmptySince('1.40'),
});

const thing = fields<Thing>({
  name: differentUntil('1.30', (name, { former }) => former ?? name),
  parts: each(part),
  places: eachValue(fields<{ readonly open: boolean }>({ open: until('1.40') })),
});

const told = (value: Thing, version: string): unknown =>
  JSON.parse(JSON.stringify(thing(value, apiVersion(version), undefined)));

test('each version is told its own fields, at every depth', () => {
  const value = { name: 'n', former: 'f', parts: [{ size: 1, note: '' }], places: { here: { open: true } } };
  assert.deepEqual(told(value, '1.29'), {
    name: 'f',
    former: 'f',
    parts: [{ note: '' }],
    places: { here: { open: true } },
  });
  assert.deepEqual(told(value, '1.30'), { ...value, name: 'n' });
  assert.deepEqual(told(value, '1.40'), { ...value, parts: [{ size: 1 }], places: { here: {} } });
});

test('what is not there is not made, and null stays', () => {
  const value = { name: 'n', parts: null, places: {} };
  assert.deepEqual(told(value, '1.24'), value);
});

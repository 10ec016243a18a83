import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsvRecord } from './csv-record.ts';
import { parseMemorySize, tryParseMemorySize } from './memory-size.ts';
import { parseMount } from './mount.ts';

test('every kind of mount, field by field', () => {
  assert.deepEqual(parseMount('type=bind,src=./a,"dst=/b,c",ro,bind-recursive=readonly'), {
    type: 'bind',
    source: './a',
    target: '/b,c',
    readOnly: true,
    bind: { readOnlyForceRecursive: true },
  });
  assert.deepEqual(
    parseMount(
      'source=v,target=/t,volume-nocopy,volume-label=a=b,volume-label=c,volume-driver=d,volume-opt=o=1',
    ),
    {
      type: 'volume',
      source: 'v',
      target: '/t',
      volume: { noCopy: true, labels: { a: 'b', c: '' }, driver: 'd', driverOptions: { o: '1' } },
    },
  );
  assert.deepEqual(parseMount('type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1777'), {
    type: 'tmpfs',
    target: '/t',
    tmpfs: { sizeBytes: 64 * 1024 ** 2, mode: 0o1777 },
  });
});

test('a field that is wrong is named', () => {
  const cases: readonly [text: string, message: RegExp][] = [
    ['type=bind,src=/a', /target is required/],
    ['foo', /invalid field 'foo' must be a key=value pair/],
    ['type=x,target=/t', /invalid mount type 'x'/],
    ['target=/t,size=1', /unexpected key 'size'/],
    ['type=bind,target=/t,volume-nocopy', /cannot mix 'volume-\*' options with mount type 'bind'/],
    ['target=/t,readonly=maybe', /invalid value for readonly: maybe/],
    ['type=tmpfs,target=/t,tmpfs-mode=9', /invalid value for tmpfs-mode: 9/],
    ['target=/t,"a', /missing " in quoted-field/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseMount(text), message, text);
});

test('records of fields, and sizes of memory', () => {
  assert.deepEqual(parseCsvRecord('a,"b,""c""",'), ['a', 'b,"c"', '']);
  for (const text of ['a"b', '"a', '"a"b'])
    assert.throws(() => parseCsvRecord(text), { code: 'invalid' }, text);
  assert.deepEqual(
    ['64m', '1.5GB', '100', ' 1 b '].map(parseMemorySize),
    [67_108_864, 1_610_612_736, 100, 1],
  );
  assert.equal(tryParseMemorySize('1x'), undefined);
  assert.throws(() => parseMemorySize('1x'), { message: "invalid size: '1x'" });
});

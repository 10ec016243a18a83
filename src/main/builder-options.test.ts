import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheBudget } from './builder-options.ts';

test("dockerd's forms", () => {
  assert.equal(cacheBudget(undefined), undefined);
  assert.deepEqual(cacheBudget({ gc: { enabled: false } }), { enabled: false });
  const policy = [
    { keepStorage: '10GB', filter: ['unused-for=48h', 'type=regular'] },
    { reservedSpace: 1, maxUsedSpace: 5, all: true },
    { filter: { 'unused-for': { '2h': true } } },
  ];
  assert.deepEqual(cacheBudget({ gc: { defaultKeepStorage: '20gb', policy } }), {
    enabled: true,
    keepBytes: 20e9,
    policies: [
      {
        filters: new Map([
          ['unused-for', ['48h']],
          ['type', ['regular']],
        ]),
        all: false,
        keepBytes: 10e9,
      },
      { filters: new Map(), all: true, keepBytes: 5 },
      { filters: new Map([['unused-for', ['2h']]]), all: false },
    ],
  });
});

test('what is wrong is named', () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [[], /builder: an object expected/],
    [{ gc: { enabled: 'yes' } }, /builder\.gc\.enabled: true or false/],
    [{ gc: { defaultKeepStorage: 'much' } }, /a size such as "20GB"/],
    [{ gc: { policy: [{ filter: ['x'] }] } }, /texts such as "unused-for=48h"/],
    [{ gc: { policy: [{ filter: ['color=red'] }] } }, /invalid filter 'color'/],
    [{ gc: { policy: [{ filter: ['unused-for=long'] }] } }, /invalid duration/],
  ];
  for (const [builder, pattern] of cases) assert.throws(() => cacheBudget(builder), pattern);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SolveRequest } from '#wire/buildkit/control.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import { sourcePoliciesOf } from './source-policies.ts';

const decoded = (request: InputOf<typeof SolveRequest>) =>
  sourcePoliciesOf(SolveRequest.decode(SolveRequest.encode(request)));

test('rules as clients send them', () => {
  const constraints = [{ key: 'k', value: 'v', condition: 2 }];
  const rules = [
    { action: 1, selector: { identifier: 'a', match_type: 2, constraints } },
    { selector: { identifier: 'b' } },
    {
      action: 2,
      selector: { identifier: 'c', match_type: 1 },
      updates: { identifier: 'd', attrs: { x: 'y' } },
    },
  ];
  assert.deepEqual(decoded({ SourcePolicy: { version: 1, rules } }), [
    [
      {
        action: 'deny',
        selector: {
          identifier: 'a',
          match: 'regex',
          constraints: [{ key: 'k', value: 'v', condition: 'matches' }],
        },
      },
      { action: 'allow', selector: { identifier: 'b', match: 'wildcard', constraints: [] } },
      {
        action: 'convert',
        selector: { identifier: 'c', match: 'exact', constraints: [] },
        updates: { identifier: 'd', attributes: new Map([['x', 'y']]) },
      },
    ],
  ]);
  assert.deepEqual(decoded({}), []);
});

test('what cannot be honoured is refused', () => {
  const selector = { identifier: 'a' };
  const cases: readonly (readonly [InputOf<typeof SolveRequest>, RegExp])[] = [
    [{ SourcePolicySession: 's' }, /asking the client's session about each source: not supported/],
    [{ SourcePolicy: { version: 2 } }, /version 2: not supported/],
    [{ SourcePolicy: { rules: [{ action: 1 }] } }, /invalid nil selector/],
    [{ SourcePolicy: { rules: [{ action: 2, selector }] } }, /missing destination for convert rule/],
    [{ SourcePolicy: { rules: [{ action: 3, selector }] } }, /unknown action: 3/],
    [{ SourcePolicy: { rules: [{ selector: { ...selector, match_type: 3 } }] } }, /unknown match type: 3/],
  ];
  for (const [request, message] of cases) assert.throws(() => decoded(request), { message });
});

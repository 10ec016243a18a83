import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { SourcePolicies } from './source-policies.ts';
import type { SourceRule, SourceSelector } from './source-policy.ts';

type Selected = readonly [identifier: string, match?: SourceSelector['match']];

const selector = ([identifier, match = 'wildcard']: Selected): SourceSelector => ({
  identifier,
  match,
  constraints: [],
});
const deny = (...selected: Selected): SourceRule => ({ action: 'deny', selector: selector(selected) });
const allow = (...selected: Selected): SourceRule => ({ action: 'allow', selector: selector(selected) });
const convert = (to: string, ...selected: Selected): SourceRule => ({
  action: 'convert',
  selector: selector(selected),
  updates: { identifier: to, attributes: new Map() },
});

/** What is taken in the place of a source: `denied`, or an identifier. */
function taken(policies: readonly (readonly SourceRule[])[], identifier: string, attributes = {}): string {
  const source = { identifier, attributes: new Map(Object.entries<string>(attributes)) };
  try {
    return new SourcePolicies(policies).permit(source).identifier;
  } catch (error) {
    if (isEngineError(error) && error.reason === 'source-denied') return 'denied';
    throw error;
  }
}

const GO = 'docker-image://docker.io/library/golang:1.19';

test('selectors: exact, wildcard, regular expression', () => {
  const cases: readonly (readonly [Selected, boolean])[] = [
    [[GO, 'exact'], true],
    [['docker-image://docker.io/library/golang:*', 'exact'], false],
    [['docker-image://*', 'wildcard'], true],
    [['docker-image://*/golang:*'], true],
    [['docker-image://*/alpine:*'], false],
    [['docker-image://docker_io/library/golang:1.1.'], false],
    [['docker-image://docker.io/library/golang'], false],
    [['*'], true],
    [['golang:\\d+', 'regex'], true],
    [['^golang', 'regex'], false],
    [['(a+)+$', 'regex'], false],
  ];
  for (const [selected, isSelected] of cases)
    assert.equal(taken([[deny(...selected)]], GO), isSelected ? 'denied' : GO, selected.join(' '));
});

test('the last rule that selects a source decides; all policies hold', () => {
  assert.equal(taken([[allow(GO), deny(GO)]], GO), 'denied');
  assert.equal(taken([[deny('*'), allow(GO)]], GO), GO);
  assert.equal(taken([[deny('*'), allow(GO)]], 'https://example.com/x'), 'denied');
  assert.equal(taken([[allow(GO)], [deny(GO)]], GO), 'denied');
  assert.equal(taken([[deny(GO)], [allow(GO)]], GO), 'denied');
});

test('conversions name what was selected, and their result is judged anew', () => {
  const mirror = 'docker-image://mirror.example/$2/${1}';
  assert.equal(taken([[convert('docker-image://other', GO, 'exact')]], GO), 'docker-image://other');
  const regex = convert(mirror, '^docker-image://docker.io/(\\w+)/(\\w+):.*$', 'regex');
  assert.equal(taken([[regex]], GO), 'docker-image://mirror.example/golang/library');
  const wildcard = convert('docker-image://m/${1}', 'docker-image://docker.io/*');
  assert.equal(taken([[wildcard]], GO), 'docker-image://m/library/golang:1.19');
  assert.equal(taken([[wildcard, deny('docker-image://m/*')]], GO), 'denied');
  assert.equal(
    taken([[wildcard], [deny('docker-image://docker.io/*')]], GO),
    'docker-image://m/library/golang:1.19',
  );
  assert.throws(
    () => taken([[convert('docker-image://a${1}', 'docker-image://*')]], GO),
    /too many mutations on a single source/,
  );
});

/** Denies what has this checksum. */
const denyChecksum = (value: string, condition: 'equal' | 'not-equal' | 'matches'): SourceRule => ({
  action: 'deny',
  selector: {
    identifier: '*',
    match: 'wildcard',
    constraints: [{ key: 'http.checksum', value, condition }],
  },
});

test('constraints on attributes all hold; an absent attribute is empty', () => {
  const url = 'https://example.com/x';
  const attributes = { 'http.checksum': 'sha256:ab' };
  assert.equal(taken([[denyChecksum('sha256:ab', 'equal')]], url, attributes), 'denied');
  assert.equal(taken([[denyChecksum('sha256:ab', 'equal')]], url), url);
  assert.equal(taken([[denyChecksum('', 'equal')]], url), 'denied');
  assert.equal(taken([[denyChecksum('sha256:ab', 'not-equal')]], url, attributes), url);
  assert.equal(taken([[denyChecksum('sha256:ab', 'not-equal')]], url), 'denied');
  assert.equal(taken([[denyChecksum('^sha256:', 'matches')]], url, attributes), 'denied');
  assert.equal(taken([[denyChecksum('^sha512:', 'matches')]], url, attributes), url);
});

test('patterns that are none are refused before anything is judged', () => {
  assert.throws(() => new SourcePolicies([[deny('bb(', 'regex')]]), /error parsing regexp/);
  assert.throws(() => new SourcePolicies([[deny('a**')]]), /invalid wildcard: "\*\*"/);
});

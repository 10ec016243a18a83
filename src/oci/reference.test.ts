import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import {
  canonicalReference,
  familiarReference,
  parseReference,
  withDefaultTag,
  withTag,
} from './reference.ts';

const HEX = 'a'.repeat(64);

describe('parseReference', () => {
  const cases: readonly (readonly [text: string, canonical: string, familiar: string])[] = [
    ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['user/app', 'docker.io/user/app:latest', 'user/app:latest'],
    ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
    ['localhost:5000/a/b:x', 'localhost:5000/a/b:x', 'localhost:5000/a/b:x'],
    ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
    ['ghcr.io/a/b__c-d--e.f', 'ghcr.io/a/b__c-d--e.f:latest', 'ghcr.io/a/b__c-d--e.f:latest'],
    [`a@sha256:${HEX}`, `docker.io/library/a@sha256:${HEX}`, `a@sha256:${HEX}`],
    [`a:t@sha256:${HEX}`, `docker.io/library/a:t@sha256:${HEX}`, `a:t@sha256:${HEX}`],
    ['Upper/app', 'Upper/app:latest', 'Upper/app:latest'],
  ];
  for (const [text, canonical, familiar] of cases)
    it(`reads ${text}`, () => {
      const reference = withDefaultTag(parseReference(text));
      assert.equal(canonicalReference(reference), canonical);
      assert.equal(familiarReference(reference), familiar);
      assert.deepEqual(withDefaultTag(parseReference(canonical)), reference);
    });

  const refused: readonly (readonly [text: string, message: string])[] = [
    ['', 'invalid reference format'],
    [':tag', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a:', 'invalid reference format'],
    ['a..b', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    [`a:${'t'.repeat(129)}`, 'invalid reference format'],
    ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
    ['a/B:x', 'invalid reference format: repository name (a/B) must be lowercase'],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    ['a/'.repeat(130) + 'a', 'repository name must not be more than 255 characters'],
    [`a@sha512:${HEX}${HEX}`, 'unsupported digest algorithm'],
    [`a@sha256:${HEX}0`, 'invalid checksum digest format'],
    [`${'a-'.repeat(2000)}!`, 'invalid reference format'],
  ];
  for (const [text, message] of refused)
    it(`refuses ${text.slice(0, 40) || 'nothing'}`, () => {
      assert.throws(
        () => parseReference(text),
        (error) => isEngineError(error, 'invalid') && error.message === message,
      );
    });
});

describe('withTag', () => {
  it('replaces tag and digest, and refuses what is none', () => {
    const reference = parseReference(`a:t@sha256:${HEX}`);
    assert.equal(familiarReference(withTag(reference, 'new')), 'a:new');
    assert.throws(
      () => withTag(reference, '.x'),
      (error) => isEngineError(error, 'invalid'),
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ImageErrorReason, imageError } from '#image/image-errors.ts';
import { dockerError } from './docker-error.ts';

const told = (reason: ImageErrorReason, subject = '', details: Record<string, string | number> = {}) => {
  const { status, message } = dockerError(imageError(reason, { subject, details }));
  return `${status} ${message}`;
};

test("images are refused with Docker's words, which clients and people know", () => {
  const container = 'c'.repeat(12);
  const [wanted, actual] = ['linux/arm64', 'linux/amd64'];
  const cases: readonly [actual: string, expected: string][] = [
    [told('no-such-image', 'a:1'), '404 No such image: a:1'],
    [
      told('platform-not-here', 'docker.io/library/a:1', { platform: 'linux/s390x' }),
      '404 image with reference docker.io/library/a:1 was found but does not provide the specified platform (linux/s390x)',
    ],
    [told('tag-by-digest', 'x'), '400 refusing to create a tag with a digest reference'],
    [told('push-by-digest', 'x'), '400 cannot push a digest reference'],
    [
      told('last-name-in-use', 'a:1', { container, image: 'abc' }),
      `409 conflict: unable to remove repository reference "a:1" (must force) - container ${container} is using its referenced image abc`,
    ],
    [
      told('image-has-names', 'abc'),
      '409 conflict: unable to delete abc (must be forced) - image is referenced in multiple repositories',
    ],
    [
      told('image-has-children', 'abc'),
      '409 conflict: unable to delete abc (cannot be forced) - image has dependent child images',
    ],
    [
      told('image-of-running', 'abc', { container }),
      `409 conflict: unable to delete abc (cannot be forced) - image is being used by running container ${container}`,
    ],
    [
      told('image-of-stopped', 'abc', { container }),
      `409 conflict: unable to delete abc (must be forced) - image is being used by stopped container ${container}`,
    ],
    [
      told('layer-differs', '', { index: 1, expected: 'a', actual: 'b' }),
      '400 invalid diffID for layer 1: expected "a", got "b"',
    ],
    [
      told('no-manifest-for-platform', 'a', { platform: 'linux/s390x' }),
      '404 no matching manifest for linux/s390x in the manifest list entries',
    ],
    [
      told('pulled-for-other-platform', 'a:1', { wanted, actual }),
      '404 image with reference a:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64',
    ],
    [
      told('pulled-layer-damaged', '', { digest: 'sha256:1' }),
      '400 filesystem layer verification failed for digest sha256:1',
    ],
    [
      told('manifest-unknown', 'a:1', { answer: 'manifest unknown: manifest unknown' }),
      '404 manifest for a:1 not found: manifest unknown: manifest unknown',
    ],
    [
      told('pull-denied', 'a', { answer: 'denied: denied' }),
      "404 pull access denied for a, repository does not exist or may require 'docker login': denied: denied",
    ],
    [told('repository-not-here', 'a'), '404 An image does not exist locally with the tag: a'],
    [told('tag-not-here', 'a:1'), '404 tag does not exist: a:1'],
  ];
  for (const [said, expected] of cases) assert.equal(said, expected);
});

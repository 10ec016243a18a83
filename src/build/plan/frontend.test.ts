import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { placeOf } from '../progress/step-errors.ts';
import { checkFrontend } from './frontend.ts';

/** The line that is refused; 0: the file is accepted; undefined: what is refused is no line. */
function refusedLine(
  text: string,
  buildArgs: Readonly<Record<string, string | null>> = {},
): number | undefined {
  try {
    checkFrontend(text, { dockerfile: 'Dockerfile', buildArgs });
    return 0;
  } catch (error) {
    assert.ok(isEngineError(error));
    assert.match(error.message, /^Cannot build with frontend \S+: only that of Dockerfiles/);
    return placeOf(error)?.ranges[0]?.start.line;
  }
}

test('the frontend of Dockerfiles is there in every version and channel', () => {
  for (const image of [
    'docker/dockerfile',
    'docker/dockerfile:1',
    'docker/dockerfile:1.7.0-labs',
    'docker/dockerfile:labs',
    'docker.io/docker/dockerfile:1',
    'index.docker.io/docker/dockerfile',
    'docker/dockerfile-upstream:master-labs',
    `docker/dockerfile:1@sha256:${'0'.repeat(64)}`,
  ])
    assert.equal(refusedLine(`# syntax=${image}\nFROM bb\n`), 0, image);
});

test('other frontends are refused, wherever BuildKit reads their names', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['# syntax=foobar\nFROM bb\n', 1],
    ['#syntax = foobar arg\n', 1],
    ['# SYNTAX=example.com/docker/dockerfile:1\n', 1],
    ['# syntax=docker/dockerfile-x\n', 1],
    ['# syntax=dockerfile\n', 1],
    ['# syntax=Not A Name\n', 1],
    ['#!/usr/bin/env x\n# syntax=foobar\n', 2],
    ['# escape=`\r\n# syntax=foobar\r\n', 2],
    ['\uFEFF# syntax=foobar\n', 1],
    ['// syntax=foobar\n', 1],
    ['{"syntax": "foobar"}', 1],
    ['FROM bb\n# syntax=foobar\n', 0],
    ['# a comment\n# syntax=foobar\n', 0],
    ['\n# syntax=foobar\n', 0],
    ['# syntax=\nFROM bb\n', 0],
    ['{"other": 1}', 0],
  ];
  for (const [text, line] of cases) assert.equal(refusedLine(text), line, text);
});

test('a build argument names the frontend instead of the file', () => {
  const file = '# syntax=foobar\n';
  assert.equal(refusedLine(file, { BUILDKIT_SYNTAX: 'docker/dockerfile:1' }), 0);
  assert.equal(refusedLine('FROM bb\n', { BUILDKIT_SYNTAX: 'foo/bar' }), undefined);
  assert.equal(refusedLine(file, { BUILDKIT_SYNTAX: '' }), 1);
  assert.equal(refusedLine(file, { BUILDKIT_SYNTAX: null }), 1);
});

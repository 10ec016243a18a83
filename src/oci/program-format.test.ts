import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { test } from 'node:test';
import { hostPlatform } from './platform.ts';
import { PROGRAM_HEAD_BYTES, programFormat, programHead } from './program-format.ts';

test('a real program is for this machine', () => {
  const head = Buffer.alloc(PROGRAM_HEAD_BYTES);
  const fd = openSync(process.execPath, 'r');
  readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  assert.deepEqual(programFormat(head), { kind: 'program', architecture: hostPlatform().architecture });
});

test('how a program begins says for what machine it is', () => {
  for (const architecture of [
    'amd64',
    '386',
    'arm64',
    'arm',
    'riscv64',
    'ppc64le',
    's390x',
    'mips64le',
    'loong64',
  ]) {
    const head = programHead(architecture);
    assert.ok(head, architecture);
    assert.deepEqual(programFormat(head), { kind: 'program', architecture });
  }
  assert.equal(programHead('pdp11'), undefined);
});

test('a machine without a name, and words of another size', () => {
  const head = programHead('amd64') ?? assert.fail();
  head[4] = 1;
  assert.deepEqual(programFormat(head), { kind: 'program' }, 'x32');
  head.writeUInt16LE(0x9026, 18);
  assert.deepEqual(programFormat(head), { kind: 'program' }, 'Alpha');
});

function formatOf(text: string) {
  return programFormat(Buffer.from(text));
}

test('scripts and what is neither', () => {
  assert.deepEqual(formatOf('#!/bin/sh\necho'), { kind: 'script', interpreter: '/bin/sh' });
  assert.deepEqual(formatOf('#! /usr/bin/env -S node'), { kind: 'script', interpreter: '/usr/bin/env' });
  for (const text of ['', '#!', '#!\n/bin/sh', 'echo hello\n', '\u007fELF', '\ufeff#!/bin/sh\n'])
    assert.deepEqual(formatOf(text), { kind: 'other' }, JSON.stringify(text));
});

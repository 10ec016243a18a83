import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { test } from 'node:test';
import { hostPlatform } from './platform.ts';
import { PROGRAM_HEAD_BYTES, programFormat, programHead } from './program-format.ts';

test('a real program is for this machine', () => {
  const head = Buffer.alloc(PROGRAM_HEAD_BYTES);
  const fd = openSync(process.execPath, 'r');
  readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  const format = programFormat(head);
  assert.ok(format.kind === 'program' && format.architecture === hostPlatform().architecture);
  const maps = readFileSync('/proc/self/maps', 'utf8');
  assert.match(maps, new RegExp(` ${realpathSync(format.loader ?? '')}$`, 'm'));
});

/** A program whose loader is named at an offset. */
function linked(bits: 32 | 64, isBigEndian: boolean, offset: number): Buffer {
  const head = programHead(bits === 32 ? 'arm' : isBigEndian ? 's390x' : 'arm64') ?? assert.fail();
  const write = (value: number, at: number, bytes: number) =>
    isBigEndian ? head.writeUIntBE(value, at + bytes - 2, 2) : head.writeUIntLE(value, at, 2);
  const fields = bits === 64 ? [32, 54, 56, 8, 32, 8] : [28, 42, 44, 4, 16, 4];
  const [table = 0, entryBytes = 0, count = 0, start = 0, size = 0, word = 0] = fields;
  write(64, table, word);
  write(60, entryBytes, 2);
  write(2, count, 2);
  write(1, 64, 4);
  write(3, 124, 4);
  write(offset, 124 + start, word);
  write(13, 124 + size, word);
  head.write('/lib/ld-x.so\0', offset % head.length);
  return head;
}

test('the loader that a program is linked for, if it is told near its beginning', () => {
  for (const [bits, isBigEndian] of [
    [32, false],
    [64, false],
    [64, true],
  ] as const) {
    const architecture = bits === 32 ? 'arm' : isBigEndian ? 's390x' : 'arm64';
    assert.deepEqual(programFormat(linked(bits, isBigEndian, 800)), {
      kind: 'program',
      architecture,
      loader: '/lib/ld-x.so',
    });
    assert.deepEqual(programFormat(linked(bits, isBigEndian, 5000)), { kind: 'program', architecture });
    const short = linked(bits, isBigEndian, 800).subarray(0, 130);
    assert.deepEqual(programFormat(short), { kind: 'program', architecture });
  }
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
  assert.deepEqual(formatOf('#!/bin/sh\r\necho'), { kind: 'script', interpreter: '/bin/sh\r' });
  assert.deepEqual(formatOf('#! /usr/bin/env -S node'), { kind: 'script', interpreter: '/usr/bin/env' });
  for (const text of ['', '#!', '#! \t', '#!\n/bin/sh', 'echo hello\n', '\u007fELF', '\ufeff#!/bin/sh\n'])
    assert.deepEqual(formatOf(text), { kind: 'other' }, JSON.stringify(text));
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openReadOnlyProgram } from './read-only-program.ts';

test('a program that can be run but not written until it is released', () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-program-'));
  try {
    copyFileSync('/bin/echo', join(directory, 'echo'));
    symlinkSync('echo', join(directory, 'link'));
    const program = openReadOnlyProgram(join(directory, 'link'));
    assert.equal(execFileSync(program.path, ['said'], { encoding: 'utf8' }), 'said\n');
    assert.throws(() => writeFileSync(program.path, 'x'), { code: 'EROFS' });
    program[Symbol.dispose]();
    assert.equal(existsSync(program.path), false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('what is not there keeps its path: starting it will say so', () => {
  using program = openReadOnlyProgram('/nowhere/crun');
  assert.equal(program.path, '/nowhere/crun');
});

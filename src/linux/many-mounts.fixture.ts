/** A program for tests, in a mount namespace of its own: many mounts, then one of many layers, and what is listed. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mountTmpfs } from './mount.ts';
import { listMounts } from './mountinfo.ts';
import { mountOverlay } from './overlay-mount.ts';

const MOUNTS = 400;
const { positionals } = parseArgs({ allowPositionals: true });
const directory = join(positionals[0] ?? '', 'd'.repeat(100));
mkdirSync(directory);
for (let index = 0; index < MOUNTS; index++) mountTmpfs(directory);
const target = join(directory, 'm');
const lowers = Array.from({ length: 120 }, (_, index) => join(directory, `${'l'.repeat(100)}${index}`));
for (const path of [target, ...lowers]) mkdirSync(path);
mountOverlay({ target, lowers });
for (let round = 0; round < 30; round++) {
  const below = listMounts().filter((mount) => mount.target.startsWith(directory));
  assert.equal(below.length, MOUNTS + 1);
  assert.equal(below.at(-1)?.superOptions.split('lowerdir+=').length, lowers.length + 1);
}

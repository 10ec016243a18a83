import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** In a process of its own, whose heap has no other user: below the size from which blocks are mapped one by one. */
const SCRIPT = `
  import { readFileSync } from 'node:fs';
  import { returnFreedMemory } from ${JSON.stringify(new URL('./memory.ts', import.meta.url).href)};
  const resident = () => Number(/RssAnon:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
  returnFreedMemory();
  let blocks = Array.from({ length: 1000 }, () => Buffer.alloc(100_000, 1));
  const keep = blocks.filter((_, index) => index % 100 === 0);
  blocks = undefined;
  gc();
  // Another thread gives the memory back to the C library.
  while (process.memoryUsage().arrayBuffers > 20_000_000) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    gc();
  }
  const before = resident();
  returnFreedMemory();
  console.log(before - resident(), keep.length);
`;

test('what was freed between blocks that are in use goes back to the system', () => {
  const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', SCRIPT], {
    encoding: 'utf8',
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  const [kilobytes = 0] = output.split(' ').map(Number);
  assert.ok(kilobytes > 30_000, `${kilobytes} kB`);
});

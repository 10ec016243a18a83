import assert from 'node:assert/strict';
import { mkdtempDisposableSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeHosts } from './change-hosts.ts';

test('lines are replaced, added and removed in place, and what others wrote stays byte for byte', () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'caisson-hosts-'));
  const path = join(directory.path, 'hosts');
  const foreign = Buffer.from([0x31, 0x09, 0xff, 0xfe, 0x0a]);
  writeFileSync(path, Buffer.concat([Buffer.from('10.0.0.2\tbox\n'), foreign, Buffer.from('last')]));
  const { ino } = statSync(path);
  changeHosts({ path, removed: ['10.0.0.2\tbox'], added: ['10.0.0.3\tbox', '10.1.0.3\tbox'] });
  assert.deepEqual(
    readFileSync(path),
    Buffer.concat([Buffer.from('10.0.0.3\tbox\n'), foreign, Buffer.from('last\n10.1.0.3\tbox\n')]),
  );
  changeHosts({ path, removed: ['10.0.0.3\tbox', '10.1.0.3\tbox'], added: [] });
  assert.deepEqual(readFileSync(path), Buffer.concat([foreign, Buffer.from('last\n')]));
  assert.equal(statSync(path).ino, ino);
});

test('a file that a container has made huge is not read', () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'caisson-hosts-'));
  const path = join(directory.path, 'hosts');
  writeFileSync(path, '');
  truncateSync(path, 2 ** 40);
  assert.throws(() => changeHosts({ path, removed: [], added: ['x'] }), { reason: 'hosts-too-large' });
  assert.equal(statSync(path).size, 2 ** 40);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { listenOn } from './listen.ts';

describe('listenOn', () => {
  let directory = '';

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'caisson-listen-'));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  it('makes a socket for root and one group, in a directory that it makes', async () => {
    const path = join(directory, 'run', 'api.sock');
    await using server = new http.Server();
    assert.equal(await listenOn(server, { kind: 'unix', path, group: '4711' }), `unix://${path}`);
    const { mode, gid } = statSync(path);
    assert.equal(mode & 0o777, 0o660);
    assert.equal(gid, 4711);
    assert.equal(statSync(join(directory, 'run')).mode & 0o777, 0o711);
  });

  it('takes the first of several groups that exists, else root’s', async () => {
    const [, name = '', gid = ''] =
      /^([^:]+):[^:]*:([1-9]\d*):/m.exec(readFileSync('/etc/group', 'utf8')) ?? [];
    for (const [group, expected] of [
      [['no such group', name], Number(gid)],
      [['no such group'], 0],
    ] as const) {
      const path = join(directory, `${expected}.sock`);
      await using server = new http.Server();
      await listenOn(server, { kind: 'unix', path, mode: 0o600, group });
      const stat = statSync(path);
      assert.deepEqual([stat.mode & 0o777, stat.gid], [0o600, expected]);
    }
  });

  it('refuses a group that was named and does not exist', async () => {
    const server = new http.Server();
    const path = join(directory, 'nogroup.sock');
    await assert.rejects(listenOn(server, { kind: 'unix', path, group: 'nogr' }), {
      code: 'invalid',
      message: 'Cannot give the socket to group nogr: there is no such group',
    });
    assert.ok(!existsSync(path));
  });

  it('replaces what a killed server left, but no server that lives', async () => {
    const path = join(directory, 'stale.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    assert.ok(existsSync(path));
    await using first = new http.Server();
    await listenOn(first, { kind: 'unix', path });
    const second = new http.Server();
    await assert.rejects(listenOn(second, { kind: 'unix', path }), {
      code: 'conflict',
      message: `Cannot listen on ${path}: another server listens there`,
    });
    assert.ok(existsSync(path));
  });

  it('tells the port that it got, and one that is taken', async () => {
    await using first = new http.Server();
    const address = await listenOn(first, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    const port = Number(/^tcp:\/\/127\.0\.0\.1:(\d+)$/.exec(address)?.[1]);
    assert.ok(port > 0);
    const second = new http.Server();
    await assert.rejects(listenOn(second, { kind: 'tcp', host: '127.0.0.1', port }), { code: 'conflict' });
  });
});

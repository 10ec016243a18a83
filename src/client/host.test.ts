import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_HOST, parseHost, resolveHost } from './host.ts';

test('hosts as Docker writes them', () => {
  assert.deepEqual(parseHost('unix:///a/b.sock'), { kind: 'unix', path: '/a/b.sock' });
  assert.deepEqual(parseHost('tcp://h:99'), { kind: 'tcp', host: 'h', port: 99 });
  assert.deepEqual(parseHost('tcp://[::1]:99'), { kind: 'tcp', host: '::1', port: 99 });
  assert.deepEqual(parseHost('h'), { kind: 'tcp', host: 'h', port: 2375 });
  assert.deepEqual(parseHost('tcp://h', { enabled: true, verify: false }), {
    kind: 'tcp',
    host: 'h',
    port: 2376,
    tls: { verify: false },
  });
  assert.throws(() => parseHost('ftp://h'), /Cannot use "ftp:\/\/h"/);
  assert.deepEqual(parseHost('ssh://h'), { kind: 'ssh', host: 'h' });
  assert.deepEqual(parseHost('ssh://me@h:22/'), { kind: 'ssh', host: 'h', user: 'me', port: '22' });
  assert.deepEqual(parseHost('ssh://h/run/x.sock'), { kind: 'ssh', host: 'h', path: '/run/x.sock' });
  assert.deepEqual(parseHost('ssh://[::1]:22'), { kind: 'ssh', host: '::1', port: '22' });
  for (const url of ['ssh://', 'ssh://me:secret@h', 'ssh://h?x', 'ssh://h#x', 'ssh://a@b@c']) {
    assert.throws(
      () => parseHost(url),
      (error: Error) => /Cannot use "ssh:/.test(error.message) && !/secret/.test(error.message),
    );
  }
});

test('the flag comes before CAISSON_HOST, that before DOCKER_HOST', () => {
  const environment = { CAISSON_HOST: 'unix:///c', DOCKER_HOST: 'unix:///d' };
  assert.equal(resolveHost('unix:///f', environment), 'unix:///f');
  assert.equal(resolveHost(undefined, environment), 'unix:///c');
  assert.equal(resolveHost(undefined, { DOCKER_HOST: 'unix:///d' }), 'unix:///d');
  assert.equal(resolveHost(undefined, {}), DEFAULT_HOST);
});

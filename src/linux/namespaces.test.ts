import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { closeFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { isMountPoint } from './mount.ts';
import {
  createNetworkNamespace,
  inNetworkNamespace,
  openNamespace,
  removeNetworkNamespace,
} from './namespaces.ts';

const home = () => readlinkSync('/proc/thread-self/ns/net');

test('a network namespace: created, entered, left, removed', () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-netns-');
  const path = join(directory.path, 'ns');
  const [before, fds] = [home(), readdirSync('/proc/self/fd').length];
  createNetworkNamespace(path);
  assert.ok(isMountPoint(path));
  const inside = inNetworkNamespace(path, () => {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    return { name: home(), links: readFileSync('/proc/thread-self/net/dev', 'utf8') };
  });
  assert.notEqual(inside.name, before);
  assert.match(inside.links, /lo:/);
  assert.doesNotMatch(inside.links, /eth0/);
  assert.equal(home(), before);

  const fd = openNamespace(path);
  assert.equal(inNetworkNamespace(fd, home), inside.name);
  closeFd(fd);
  removeNetworkNamespace(path);
  removeNetworkNamespace(path);
  assert.ok(!existsSync(path));
  assert.equal(readdirSync('/proc/self/fd').length, fds);
});

test('whatever happens inside, the thread comes home', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-netns-');
  const path = join(directory.path, 'ns');
  const before = home();
  createNetworkNamespace(path);
  const fail = () => inNetworkNamespace(path, () => assert.fail('inside'));
  assert.throws(fail, /inside/);
  assert.throws(() => inNetworkNamespace(path, async () => {}), TypeError);
  assert.throws(
    () => inNetworkNamespace('/etc/passwd', () => {}),
    (error) => isErrno(error, 'EINVAL'),
  );
  assert.throws(
    () => createNetworkNamespace(path),
    (error) => isErrno(error, 'EEXIST'),
  );
  assert.equal(home(), before);
  removeNetworkNamespace(path);
  assert.throws(() => createNetworkNamespace(join(directory.path, 'missing/ns')), { code: 'ENOENT' });
});

test('a worker thread can be jailed alone', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-jail-');
  mkdirSync(join(directory.path, 'inner'));
  writeFileSync(join(directory.path, 'inner/secret'), 'jailed');
  const module = join(import.meta.dirname, 'namespaces.ts');
  const script = `
    const { parentPort } = require('node:worker_threads');
    const fs = require('node:fs');
    import(${JSON.stringify(module)}).then((jail) => {
      jail.unshareFilesystemContext();
      const root = fs.openSync('/', 'r');
      jail.chroot(${JSON.stringify(directory.path)});
      jail.chdir('/inner');
      const former = jail.umask(0o077);
      fs.writeFileSync('made', '');
      const seen = [fs.readFileSync('/inner/secret', 'utf8'), fs.existsSync('/etc/passwd'), former];
      jail.fchdir(root);
      jail.chroot('.');
      parentPort.postMessage([...seen, fs.existsSync('/etc/passwd')]);
    });`;
  const worker = new Worker(script, { eval: true });
  const result = await new Promise((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  await worker.terminate();
  assert.deepEqual(result, ['jailed', false, process.umask(), true]);
  assert.ok(existsSync('/etc/passwd'));
  assert.equal(
    process.getBuiltinModule('fs').statSync(join(directory.path, 'inner/made')).mode & 0o777,
    0o600,
  );
});

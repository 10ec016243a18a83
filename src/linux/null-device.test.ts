import assert from 'node:assert/strict';
import { closeSync, fchmodSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { NullDevices } from './null-device.ts';

test('a null device is one of its own: what is done to it is done to no other', () => {
  using devices = new NullDevices();
  const [fd, other] = [devices.open(), devices.open()];
  try {
    const host = statSync('/dev/null');
    assert.equal(fstatSync(fd).rdev, host.rdev);
    assert.notEqual(fstatSync(fd).dev, host.dev);
    assert.notEqual(fstatSync(fd).ino, fstatSync(other).ino);
    assert.equal(writeSync(fd, 'gone'), 4);
    assert.equal(readSync(fd, Buffer.alloc(8)), 0);
    fchmodSync(fd, 0o600);
    assert.equal(fstatSync(other).mode & 0o777, 0o666);
    assert.equal(statSync('/dev/null').mode & 0o777, 0o666);
  } finally {
    closeSync(fd);
    closeSync(other);
  }
});

test('it is opened again by its descriptor, as /dev/stdin is, also when the file system is no longer held', () => {
  const devices = new NullDevices();
  const fd = devices.open();
  devices[Symbol.dispose]();
  const again = openSync(`/proc/self/fd/${fd}`, 'r+');
  assert.equal(readSync(again, Buffer.alloc(8)), 0);
  closeSync(again);
  closeSync(fd);
});

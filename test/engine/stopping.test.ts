/** What clients see of a daemon that is told to stop: what was cut short never looks whole. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { until } from '#base/testing.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { RawConnection } from '../support/raw-connection.ts';

let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start();
  await importBusybox(daemon);
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
});

/** Tells when the answer begins, and how it ends: whole, or broken off. */
function follow(
  method: string,
  path: string,
): { readonly begun: Promise<void>; readonly end: Promise<string> } {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<string>();
  const options = { socketPath: daemon.socket, method, path, headers: { Host: 'x' } };
  const sent = httpRequest(options, (response) => {
    begun.resolve();
    response.resume();
    response.on('error', () => undefined);
    response.on('close', () => end.resolve(response.complete ? 'whole' : 'broken off'));
  });
  sent.on('error', begun.reject);
  sent.end();
  return { begun: begun.promise, end: end.promise };
}

test('what the end of the daemon cuts short is broken off', async () => {
  const body = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } };
  const { Id } = await requestJson<{ Id: string }>(daemon.socket, 'POST', '/containers/create', body);
  assert.equal((await request(daemon.socket, 'POST', `/containers/${Id}/start`)).status, 204);
  const streams = [
    follow('GET', `/containers/${Id}/logs?follow=1&stdout=1`),
    follow('GET', `/containers/${Id}/stats`),
    follow('POST', `/containers/${Id}/wait`),
    follow('GET', '/events'),
  ];
  await Promise.all(streams.map(({ begun }) => begun));
  await daemon.stop();
  assert.deepEqual(await Promise.all(streams.map(({ end }) => end)), Array(4).fill('broken off'));
});

test('what ends by itself is whole', async () => {
  await daemon.ensureRunning();
  const { end } = follow('GET', `/events?until=${Math.floor(Date.now() / 1000)}`);
  assert.equal(await end, 'whole');
});

test('a request that comes while the daemon stops is not served', async () => {
  await daemon.ensureRunning();
  using connection = new RawConnection(daemon.socket);
  connection.send('GET /containers/json HTTP/1.1\r\nHost: x\r\n');
  await connection.taken();
  const told = daemon.log().length;
  const stopped = daemon.stop();
  await until(() => daemon.log().includes('the engine stops', told), 'the daemon stops');
  connection.send('\r\n');
  // No answer at all where the machine is slow and the daemon gone by then.
  assert.match(String(await connection.takeAll()), /^$|^HTTP\/1.1 503 [^]*the engine is stopping/);
  await stopped;
});

test('a container with --rm that was not started yet goes with the daemon', async () => {
  await daemon.ensureRunning();
  const body = { Image: 'bb', Cmd: ['true'], HostConfig: { AutoRemove: true } };
  const { Id } = await requestJson<{ Id: string }>(daemon.socket, 'POST', '/containers/create', body);
  assert.ok((await daemon.containers()).some((row) => row.Id === Id));
  await daemon.crash();
  assert.ok(!(await daemon.containers()).some((row) => row.Id === Id));
});

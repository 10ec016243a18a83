/** Nothing that a client may say when it updates a container is accepted without effect. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { checkRows, forEachRow } from './row-checks.ts';
import { UPDATE_ROWS } from './update-rows.ts';

const RUN = [
  'run',
  '-d',
  '--network',
  'none',
  '--memory',
  '128m',
  '--cpu-period',
  '50000',
  '--pids-limit',
  '50',
];

let daemon: TestDaemon;
const update = (name: string, body: object) =>
  request(daemon.socket, 'POST', `/containers/${name}/update`, body);

before(async () => {
  daemon = await TestDaemon.start();
  await importBusybox(daemon);
  await dockerOk(daemon, [...RUN, '--name', 'updated', 'bb', 'sleep', '1000']);
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
});

test('each option of update has a row, and each row an option', () => checkRows('update', UPDATE_ROWS));

test('what cannot be changed is refused, and changes nothing', async () => {
  await forEachRow(UPDATE_ROWS, 'refused', async (name, { body, status, message }) => {
    const answer = await update('updated', body);
    assert.equal(answer.status, status, `${name}: ${answer.body}`);
    assert.match(JSON.parse(answer.body).message, message, name);
  });
});

test('what has no effect is warned about', async () => {
  await forEachRow(UPDATE_ROWS, 'warned', async (name, { body, warning }) => {
    const answer = await update('updated', body);
    assert.match(String(JSON.parse(answer.body).Warnings), warning, `${name}: ${answer.body}`);
  });
});

test('what works is seen in the container that runs', async () => {
  await forEachRow(UPDATE_ROWS, 'shown', async (name, { body, command, expected }) => {
    const answer = await update('updated', body);
    assert.equal(answer.status, 200, `${name}: ${answer.body}`);
    assert.match(await dockerOk(daemon, ['exec', 'updated', 'sh', '-c', command]), expected, name);
  });
});

test('a limit of processes that was taken away is told as none', async () => {
  assert.equal((await update('updated', { PidsLimit: 40 })).status, 200);
  for (const PidsLimit of [0, -1]) {
    assert.equal((await update('updated', { PidsLimit })).status, 200);
    const { HostConfig } = await requestJson<{ HostConfig: { PidsLimit: number } }>(
      daemon.socket,
      'GET',
      '/containers/updated/json',
    );
    assert.equal(HostConfig.PidsLimit, 0);
  }
});

test('what one way of limiting processors has set, the other does not change', async () => {
  await dockerOk(daemon, ['create', '--name', 'numbered', '--cpus', '1', 'bb', 'true']);
  const refuses = async (body: object, what: string) => {
    const answer = await update('numbered', body);
    assert.equal(answer.status, 409);
    assert.match(answer.body, new RegExp(`${what} cannot be updated as NanoCPUs has already been set`));
  };
  await refuses({ CpuQuota: 50_000 }, 'CPU Quota');
  await refuses({ CpuPeriod: 50_000 }, 'CPU Period');
  assert.equal((await update('numbered', { NanoCpus: 5e8 })).status, 200);
});

test('a container that is removed when it exits is not restarted', async () => {
  await dockerOk(daemon, ['create', '--rm', '--name', 'passing', 'bb', 'true']);
  const answer = await update('passing', { RestartPolicy: { Name: 'always' } });
  assert.equal(answer.status, 409);
  assert.match(
    answer.body,
    /Restart policy cannot be updated because AutoRemove is enabled for the container/,
  );
  assert.equal((await update('passing', { RestartPolicy: { Name: 'no' } })).status, 200);
});

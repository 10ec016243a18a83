/** Nothing that a client may say when it creates a container is accepted without effect. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { request, requestJson } from '../support/http.ts';
import { CONFIG_ROWS } from './config-rows.ts';
import { ENDPOINT_ROWS } from './endpoint-rows.ts';
import { HOST_ROWS } from './host-rows.ts';
import { JOINED_ROWS } from './joined-rows.ts';
import { LIMIT_ROWS } from './limit-rows.ts';
import { MOUNT_ROWS } from './mount-rows.ts';
import { CREATE, OptionHost } from './option-host.ts';
import type { OptionRows } from './option-row.ts';
import { checkRows, forEachRow } from './row-checks.ts';
import { WRONG_ROWS } from './wrong-rows.ts';

const ROWS: OptionRows = {
  ...CONFIG_ROWS,
  ...LIMIT_ROWS,
  ...HOST_ROWS,
  ...MOUNT_ROWS,
  ...ENDPOINT_ROWS,
  ...JOINED_ROWS,
  ...WRONG_ROWS,
};

let host: OptionHost;

before(async () => {
  host = await OptionHost.start(await TestDaemon.start());
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

test('each option of create has a row, and each row an option', () => checkRows('create', ROWS));

test('what is refused says why, and leaves no container', async () => {
  await forEachRow(ROWS, 'refused', async (name, { body, status, message }) => {
    const answer = await request(host.socket, 'POST', CREATE, host.requestOf(body));
    assert.equal(answer.status, status, `${name}: ${answer.body}`);
    assert.match(JSON.parse(answer.body).message, message, name);
  });
  assert.deepEqual(await requestJson(host.socket, 'GET', '/containers/json?all=1'), []);
});

test('what has no effect is warned about', async () => {
  await forEachRow(ROWS, 'warned', async (name, { body, warning }) => {
    const { Id, Warnings } = await requestJson<{ Id: string; Warnings: readonly string[] }>(
      host.socket,
      'POST',
      CREATE,
      host.requestOf(body),
    );
    await request(host.socket, 'DELETE', `/containers/${Id}`);
    assert.ok(
      Warnings.some((text) => warning.test(text)),
      `${name}: ${JSON.stringify(Warnings)}`,
    );
  });
});

test('what is said with the values that clients send for nothing is not warned about', async () => {
  const body = {
    Image: 'options',
    Cmd: ['true'],
    Healthcheck: {},
    HostConfig: {
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      Links: [],
      StorageOpt: {},
      CpuCount: 0,
    },
    NetworkingConfig: { EndpointsConfig: { bridge: { Links: null, DriverOpts: {} } } },
  };
  const created = await requestJson<{ Id: string; Warnings: unknown }>(host.socket, 'POST', CREATE, body);
  await request(host.socket, 'DELETE', `/containers/${created.Id}`);
  assert.deepEqual(created.Warnings, []);
});

test('what works is seen in the container or in the engine', async () => {
  await host.startGroups(Object.values(ROWS));
  await forEachRow(ROWS, 'shown', (name, { group, command, expected }) => {
    const output = host.outputOf(group, command);
    assert.ok(expected.test(output), `${name}: ${command} printed ${JSON.stringify(output)}`);
  });
  await forEachRow(ROWS, 'told', async (name, { group, field, expected }) => {
    assert.deepEqual(await host.inspected(group, field), expected, name);
  });
  await forEachRow(ROWS, 'proved', async (name, { group, proof }) => {
    await assert.doesNotReject(proof(host.container(group)), name);
  });
});

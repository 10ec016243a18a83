/** Nothing that a client may say when it creates a container is accepted without effect. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
import type { OptionRow, OptionRows } from './option-row.ts';
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

test('each option of create has a row, and each row an option', () => {
  const { create }: { create: readonly string[] } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../fixtures/docker-options.json'), 'utf8'),
  );
  const rows = Object.keys(ROWS);
  assert.deepEqual(
    create.filter((option) => !rows.includes(option)),
    [],
  );
  assert.deepEqual(
    rows.filter((name) => !create.includes(name.replace(/ \(.*\)$/, ''))),
    [],
  );
});

test('what is refused says why, and leaves no container', async () => {
  await forEach('refused', async (name, { body, status, message }) => {
    const answer = await request(host.socket, 'POST', CREATE, host.requestOf(body));
    assert.equal(answer.status, status, `${name}: ${answer.body}`);
    assert.match(JSON.parse(answer.body).message, message, name);
  });
  assert.deepEqual(await requestJson(host.socket, 'GET', '/containers/json?all=1'), []);
});

test('what has no effect is warned about', async () => {
  await forEach('warned', async (name, { body, warning }) => {
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
  await forEach('shown', (name, { group, command, expected }) => {
    const output = host.outputOf(group, command);
    assert.ok(expected.test(output), `${name}: ${command} printed ${JSON.stringify(output)}`);
  });
  await forEach('told', async (name, { group, field, expected }) => {
    assert.deepEqual(await host.inspected(group, field), expected, name);
  });
  await forEach('proved', async (name, { group, proof }) => {
    await assert.doesNotReject(proof(host.container(group)), name);
  });
});

async function forEach<Kind extends OptionRow['kind']>(
  kind: Kind,
  check: (name: string, row: Extract<OptionRow, { readonly kind: Kind }>) => Promise<void> | void,
): Promise<void> {
  const problems: unknown[] = [];
  for (const [name, row] of Object.entries(ROWS)) {
    if (!isOfKind(row, kind)) continue;
    try {
      await check(name, row);
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join('\n'));
}

function isOfKind<Kind extends OptionRow['kind']>(
  row: OptionRow,
  kind: Kind,
): row is Extract<OptionRow, { readonly kind: Kind }> {
  return row.kind === kind;
}

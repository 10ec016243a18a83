/**
 * The daemon is killed at every stage of networks that come and go. The next one knows the networks that are there,
 * each running container is on those that it is said to be on, and nothing else is left on the host.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { until } from '#base/testing.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';

const CRASHES = 10;
const CONTAINERS = ['one', 'two'];

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start('--network-pool', '2');
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

const post = (path: string, body?: object) => request(engine.socket, 'POST', path, body);
const remove = (path: string) => request(engine.socket, 'DELETE', path);

interface Network {
  readonly Id: string;
  readonly Name: string;
  readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
}

interface Inspected {
  readonly State: { readonly Running: boolean; readonly Pid: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
}

/** Two containers on the default bridge, and no other network. */
async function prepare(): Promise<void> {
  for (const name of CONTAINERS) await remove(`/containers/${name}?force=1`);
  for (const { Id } of await networks()) await remove(`/networks/${Id}`);
  for (const name of CONTAINERS) await dockerOk(engine, ['run', '-d', '--name', name, 'bb', 'sleep', '600']);
}

async function networks(): Promise<readonly Network[]> {
  const all = await requestJson<readonly Network[]>(
    engine.socket,
    'GET',
    '/networks?filters={"type":["custom"]}',
  );
  return Promise.all(all.map(({ Id }) => requestJson<Network>(engine.socket, 'GET', `/networks/${Id}`)));
}

async function operate(): Promise<void> {
  await post('/networks/create', { Name: 'front' });
  await post('/networks/create', { Name: 'back', EnableIPv6: true });
  for (const Container of CONTAINERS) await post('/networks/front/connect', { Container });
  await post('/networks/back/connect', { Container: 'one' });
  await post('/networks/bridge/disconnect', { Container: 'one' });
  await post('/networks/front/disconnect', { Container: 'one' });
  await remove('/containers/two?force=1');
  await remove('/networks/front');
}

/** The bridges that say that they are this engine's. */
function bridges(): readonly string[] {
  const links: readonly { readonly ifname: string; readonly ifalias?: string }[] = JSON.parse(
    execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' }),
  );
  return links
    .filter(({ ifalias }) => ifalias?.endsWith(` ${engine.run}/networks`))
    .map(({ ifname }) => ifname);
}

/** The addresses that a process has, without those of loopback. */
function addressesOf(pid: number): readonly string[] {
  const text = execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', '-4', '-o', 'addr'], {
    encoding: 'utf8',
  });
  return [...text.matchAll(/ inet (\S+)\//g)]
    .map(([, address = '']) => address)
    .filter((text) => text !== '127.0.0.1');
}

async function expectConsistency(): Promise<void> {
  const all = await networks();
  const expected = [engine.bridge, ...all.map(({ Id }) => `br-${Id.slice(0, 12)}`)].toSorted();
  await until(
    () => JSON.stringify([...bridges()].toSorted()) === JSON.stringify(expected),
    () => `the bridges ${expected.join(' ')}: ${bridges().join(' ')}`,
  );
  for (const name of CONTAINERS) {
    const { status, body } = await request(engine.socket, 'GET', `/containers/${name}/json`);
    if (status === 404) continue;
    const { State, NetworkSettings }: Inspected = JSON.parse(body);
    if (!State.Running) continue;
    const told = Object.entries(NetworkSettings.Networks);
    const addresses = told.map(([, { IPAddress }]) => IPAddress).toSorted();
    // An endpoint that the crash kept from being recorded goes a little later.
    await until(
      () => isDeepStrictEqual(addressesOf(State.Pid).toSorted(), addresses),
      () => `${name} has ${addresses.join(' ')}: ${addressesOf(State.Pid).join(' ')}`,
    );
    const members = all.flatMap(({ Name, Containers }) =>
      Object.values(Containers).some((member) => member.Name === name) ? [Name] : [],
    );
    assert.deepEqual(
      members.toSorted(),
      told
        .map(([network]) => network)
        .filter((network) => network !== 'bridge')
        .toSorted(),
    );
  }
}

test('networks and endpoints are whole after every crash', async () => {
  await prepare();
  const started = performance.now();
  await operate();
  const durationMs = performance.now() - started;
  for (let crash = 0; crash < CRASHES; crash++) {
    await prepare();
    const operating = operate().catch(() => undefined);
    // The moment of the crash is what differs.
    await sleep((durationMs * 1.1 * crash) / CRASHES);
    await engine.kill();
    await operating;
    await engine.start();
    await expectConsistency();
  }
  await prepare();
  await operate();
  await expectConsistency();
  await remove('/containers/one?force=1');
  await remove('/networks/back');
  assert.deepEqual(await networks(), []);
  await expectConsistency();
});

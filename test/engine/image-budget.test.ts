/** The image budget of a real daemon: what was used least recently goes, and only that. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ImageGcReport } from '../../src/wire/image-gc.ts';
import { imagesArchive } from '../fixtures/images-archive.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, runProgram } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { until } from '#base/testing.ts';

/** The source, not what may have been compiled from an older one. */
const caisson = join(import.meta.dirname, '../../src/main/caisson.ts');

const OWN_BYTES = 1_000_000;

/** Images of a common base and a million bytes each. */
function archive(...names: readonly string[]): Buffer {
  const base = busyboxRootTar();
  const layersOf = (name: string) => [base, tarOf({ path: 'own', content: Buffer.alloc(OWN_BYTES, name) })];
  return imagesArchive(
    names.map((name) => ({
      reference: name,
      layers: layersOf(name),
      ...(name.startsWith('labelled') && { labels: { keep: 'yes' } }),
    })),
  );
}

async function names(daemon: TestDaemon): Promise<readonly string[]> {
  const list = await dockerOk(daemon, ['images', '--format', '{{.Repository}}:{{.Tag}}']);
  return list.split('\n').filter(Boolean).toSorted();
}

/** Collection follows in the background. */
async function untilThere(daemon: TestDaemon, expected: string): Promise<void> {
  await until(async () => (await names(daemon)).join(' ') === expected, `the images are ${expected}`);
}

const collect = (daemon: TestDaemon, query: string) =>
  requestJson<ImageGcReport>(daemon.socket, 'POST', `/images/gc?${query}`);

test('the verb tells what would go and why, and removes it', async () => {
  await using daemon = await TestDaemon.start('--network-pool', '1');
  const without = await request(daemon.socket, 'POST', '/images/gc');
  assert.equal(without.status, 400);
  for (const name of ['old:1', 'used:1', 'labelled:1', 'named:1', 'mid:1', 'new:1'])
    await dockerOk(daemon, ['load', '-q'], { input: archive(name) });
  await dockerOk(daemon, ['create', '--name', 'user', 'used:1']);
  // Run since: no longer the oldest.
  await dockerOk(daemon, ['run', '--rm', '--network', 'none', 'old:1', 'true']);
  const { Size } = await collect(daemon, 'dry-run=1&max-size=0');
  const budget = `max-size=${Size - 2 * OWN_BYTES}&keep=label%3Dkeep&keep=named:*`;
  const planned = await collect(daemon, `dry-run=1&${budget}`);
  const why = planned.Images.map(({ RepoTags, Removed, Reason }) => [RepoTags[0], Removed, Reason]);
  const [container = ''] = (await daemon.containers()).map(({ Id }) => Id.slice(0, 12));
  assert.deepEqual(
    why.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
    [
      ['labelled:1', false, 'kept by "label=keep"'],
      ['mid:1', true, 'least recently used'],
      ['named:1', false, 'kept by "named:*"'],
      ['new:1', true, 'least recently used'],
      ['old:1', false, 'within the budget'],
      ['used:1', false, `used by container ${container}`],
    ],
  );
  assert.ok(planned.Reclaimed > 2 * OWN_BYTES && planned.Reclaimed < 2.1 * OWN_BYTES);
  assert.equal((await names(daemon)).length, 6, 'a dry run removes nothing');
  assert.deepEqual((await collect(daemon, `min-age=1h&${budget}`)).Reclaimed, 0);
  const size = String(Size - OWN_BYTES);
  const gc = ['image', 'gc', '--max-size', size, '--keep', 'label=keep', '--keep', 'named:*'];
  const cli = await runProgram(process.execPath, [caisson, '-H', daemon.host, ...gc]);
  assert.equal(cli.stderr, '');
  const lines = cli.stdout.split('\n');
  assert.match(lines[0] ?? '', /^IMAGE +IMAGE ID +LAST USED +UNIQUE SIZE +ACTION +REASON$/);
  assert.match(lines[1] ?? '', /^mid:1 +[0-9a-f]{12} +.* ago +1MB +removed +least recently used$/);
  assert.match(lines[2] ?? '', /^Images took [\d.]+MB of [\d.]+MB\. Total reclaimed space: [\d.]+MB$/);
  assert.deepEqual(await names(daemon), ['labelled:1', 'named:1', 'new:1', 'old:1', 'used:1']);
});

test('a configured budget is kept at the start and after loads, with an event and a line in the log', async () => {
  const directory = mkdtempSync('/tmp/caisson-image-budget-');
  using _ = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  const config = join(directory, 'config.json');
  writeFileSync(config, '{}');
  await using daemon = await TestDaemon.start('--network-pool', '1', '--config', config);
  for (const name of ['one:1', 'two:1', 'three:1'])
    await dockerOk(daemon, ['load', '-q'], { input: archive(name) });
  await dockerOk(daemon, ['create', '--name', 'user', 'one:1']);
  const { Size } = await collect(daemon, 'dry-run=1&max-size=0');
  await daemon.stop();
  const budget = { 'max-size': Size - OWN_BYTES / 2, 'min-age': '0s' };
  writeFileSync(config, JSON.stringify({ 'image-gc': budget }));
  await daemon.start();
  // The oldest is in use.
  await untilThere(daemon, 'one:1 three:1');
  const logged = /Removed images above the budget" images="two:1" reclaimed=10\d+ /;
  await until(() => logged.test(daemon.log()), 'it is logged');
  await dockerOk(daemon, ['load', '-q'], { input: archive('four:1') });
  await untilThere(daemon, 'four:1 one:1');
  await dockerOk(daemon, ['load', '-q'], { input: archive('five:1') });
  await untilThere(daemon, 'five:1 one:1');
  await until(() => /images="four:1"/.test(daemon.log()), 'that is logged too');
  const now = Math.ceil(Date.now() / 1000) + 1;
  const { body } = await request(daemon.socket, 'GET', `/events?since=1&until=${now}`);
  const events = body.split('\n').filter((line) => line.includes('"Action":"gc"'));
  assert.ok(events.length >= 1 && events.every((line) => line.includes('"removed":"')), body);
});

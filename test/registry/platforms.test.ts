/** Images of several platforms: what is told of them, and how one of them is chosen. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { ImageInspect, ImageSummary } from '../../src/wire/image.ts';
import { platformArchive } from '../fixtures/platform-archive.ts';
import { OCI_MANIFEST, Served } from '../registry-server/served.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, type Outcome, runProgram } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { Terminal } from '../support/terminal.ts';

/** The source, not what may have been compiled from an older one. */
const caisson = join(import.meta.dirname, '../../src/main/caisson.ts');

let engine: TestDaemon;
let registry: Served;
let scratch = '';
const servers = new AsyncDisposableStack();
let name = '';

before(async () => {
  scratch = mkdtempSync('/tmp/caisson-platforms-');
  registry = servers.use(await Served.start());
  engine = servers.use(await TestDaemon.start());
  name = `${registry.registry.address}/app:multi`;
  await pushIndex();
});
after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
});

/** An index for two architectures, with an attestation about the first. */
async function pushIndex(): Promise<void> {
  const manifests: object[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const archive = join(scratch, `${architecture}.tar`);
    writeFileSync(archive, platformArchive(architecture));
    const target = `docker://${name.replace('multi', architecture)}`;
    await skopeo('copy', '-q', '--dest-tls-verify=false', `docker-archive:${archive}`, target);
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', target);
    const { mediaType } = JSON.parse(raw);
    const digest = (await skopeo('inspect', '--format', '{{.Digest}}', '--tls-verify=false', target)).trim();
    manifests.push({ mediaType, digest, size: raw.length, platform: { architecture, os: 'linux' } });
  }
  const subject = { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': 'x' };
  const attestation = await registry.pushImage('app', 'attestation', [Buffer.from('statement')]);
  manifests.push({
    mediaType: OCI_MANIFEST,
    digest: attestation,
    size: 1,
    platform: { architecture: 'unknown', os: 'unknown' },
    annotations: subject,
  });
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  await registry.pushManifest('app', 'multi', Buffer.from(JSON.stringify(index)), index.mediaType);
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

function cli(...args: readonly string[]): Promise<Outcome> {
  return runProgram(process.execPath, [caisson, '-H', engine.host, ...args]);
}

const platformsOf = ({ Manifests = [] }: Pick<ImageSummary, 'Manifests'>) =>
  Manifests.flatMap(({ Kind, ImageData, Available }) =>
    Kind === 'image' ? [[ImageData?.Platform.architecture, Available]] : [],
  );

test('an image tells the platforms of its index, and which of them are here', async () => {
  await dockerOk(engine, ['pull', '-q', '--platform', 'linux/amd64', name]);
  const [only] = await requestJson<readonly ImageSummary[]>(engine.socket, 'GET', '/images/json?manifests=1');
  assert.ok(only);
  assert.deepEqual(platformsOf(only), [
    ['amd64', true],
    ['arm64', false],
  ]);
  const [, , attestation] = only.Manifests ?? [];
  assert.deepEqual(
    [attestation?.Kind, attestation?.AttestationData, attestation?.Available],
    ['attestation', { For: 'x' }, false],
  );
  const amd64 = only.Id;
  await dockerOk(engine, ['pull', '-q', '--platform', 'linux/arm64', name]);
  const images = await requestJson<readonly ImageSummary[]>(engine.socket, 'GET', '/images/json?manifests=1');
  assert.equal(images.length, 1, 'the other platform is part of the image');
  const [image] = images;
  assert.ok(image);
  assert.deepEqual(platformsOf(image), [
    ['amd64', true],
    ['arm64', true],
  ]);
  assert.equal(image.Descriptor?.mediaType, 'application/vnd.oci.image.index.v1+json');
  for (const { Size, ImageData } of (image.Manifests ?? []).filter(({ Kind }) => Kind === 'image')) {
    assert.ok(Size.Content > 1_000_000 && Size.Content < (ImageData?.Size.Unpacked ?? 0));
    assert.equal(Size.Total, Size.Content + (ImageData?.Size.Unpacked ?? 0));
  }
  const ask = (query: string) =>
    requestJson<ImageInspect>(engine.socket, 'GET', `/images/${name}/json${query}`);
  const chosen = encodeURIComponent('{"os":"linux","architecture":"amd64"}');
  assert.equal((await ask('')).Architecture, 'arm64', 'a name means what was pulled last');
  const other = await ask(`?platform=${chosen}`);
  assert.deepEqual([other.Id, other.RepoTags], [amd64, [name]]);
  assert.deepEqual(platformsOf(await ask('?manifests=1')), platformsOf(image));
  const none = encodeURIComponent('{"os":"linux","architecture":"s390x"}');
  const refused = await request(engine.socket, 'GET', `/images/${name}/json?platform=${none}`);
  assert.equal(refused.status, 404);
  assert.match(refused.body, /was found but does not provide the specified platform \(linux\/s390x\)/);
  const both = await request(engine.socket, 'GET', `/images/${name}/json?manifests=1&platform=${chosen}`);
  assert.equal(both.status, 400);
});

test('image inspect, history and save take a platform', async () => {
  const inspected = await cli(
    'image',
    'inspect',
    '--platform',
    'linux/amd64',
    '-f',
    '{{.Architecture}}',
    name,
  );
  assert.equal(inspected.stdout, 'amd64\n', inspected.stderr);
  const platforms = await cli('image', 'inspect', '--platforms', '-f', '{{len .Manifests}}', name);
  assert.equal(platforms.stdout, '3\n', platforms.stderr);
  const history = await cli('history', '-q', '--no-trunc', '--platform', 'linux/amd64', name);
  const id = await cli('image', 'inspect', '-f', '{{.Id}}', '--platform', 'linux/amd64', name);
  assert.equal(history.stdout.split('\n')[0], id.stdout.trim());
  const archive = join(scratch, 'saved.tar');
  const saved = await cli('save', '--platform', 'linux/amd64', '-o', archive, name);
  assert.equal(saved.exitCode, 0, saved.stderr);
  const config = await skopeo('inspect', '--config', '--raw', `docker-archive:${archive}`);
  assert.equal(JSON.parse(config).architecture, 'amd64');
});

test('images --tree, wide, narrow and on a terminal', async () => {
  await cli('tag', name, 'here:1');
  await dockerOk(engine, ['create', '--name', 'user', '--platform', 'linux/arm64', 'here:1', 'true']);
  await dockerOk(engine, ['create', '--name', 'other', '--platform', 'linux/amd64', 'here:1', 'true']);
  const user = await dockerOk(engine, ['inspect', '-f', '{{.Image}}', 'other']);
  assert.equal(
    user,
    (await cli('image', 'inspect', '-f', '{{.Id}}', '--platform', 'amd64', name)).stdout.trim(),
  );
  await dockerOk(engine, ['rm', 'other']);
  const foreign = await cli('create', '--pull', 'never', '--platform', 'linux/s390x', 'here:1', 'true');
  assert.match(foreign.stderr, /does not provide the specified platform \(linux\/s390x\)/);
  const unasked = await docker(engine, ['create', '--name', 'unasked', 'here:1', 'true']);
  const mismatch =
    /The requested image's platform \(linux\/arm64\) does not match the detected host platform/;
  if (process.arch === 'x64') assert.match(unasked.stderr, mismatch);
  await dockerOk(engine, ['rm', 'unasked']);
  const { stdout } = await cli('images', '--tree');
  const lines = stdout.split('\n').map((line) => line.trimEnd());
  assert.match(lines[0] ?? '', / U: in use$/);
  assert.match(lines[1] ?? '', /^IMAGE +ID +DISK USAGE +CONTENT SIZE +EXTRA$/);
  const names = lines.slice(2, 4).map((line) => line.split(' ')[0]);
  assert.deepEqual(new Set(names), new Set([name, 'here:1']));
  assert.match(lines[4] ?? '', /^├─ linux\/amd64 +[0-9a-f]{12} +[\d.]+MB +[\d.]+MB$/);
  assert.match(lines[5] ?? '', /^└─ linux\/arm64 +[0-9a-f]{12} +[\d.]+MB +[\d.]+MB +U$/);
  const refused = await cli('images', '--tree', '-q');
  assert.match(refused.stderr, /--quiet is not yet supported with --tree/);
  using terminal = Terminal.open([process.execPath, caisson, '-H', engine.host, 'images', '--tree'], {
    rows: 20,
    columns: 40,
  });
  await terminal.until(/└─[^\n]*\n/);
  const rows = stripVTControlCharacters(terminal.screen).split('\r\n');
  assert.ok(rows.every((row) => row.length <= 40));
  assert.match(rows[1] ?? '', /^IMAGE +ID +DISK USAGE$|^IMAGE +ID *$/);
});

test('other platforms are neither dangling nor left behind', async () => {
  await cli('rm', 'user');
  assert.equal(await dockerOk(engine, ['images', '-q', '-f', 'dangling=true']), '');
  assert.equal((await dockerOk(engine, ['images', '-aq', '--no-trunc'])).split('\n').length, 3);
  assert.match(await dockerOk(engine, ['image', 'prune', '-f']), /reclaimed space: 0B/);
  await dockerOk(engine, ['rmi', 'here:1']);
  const removed = await dockerOk(engine, ['rmi', name]);
  assert.equal(removed.match(/^Untagged: /gm)?.length, 2);
  assert.equal(await dockerOk(engine, ['images', '-aq']), '');
});

const chosenPlatforms = (parameter: 'platform' | 'platforms', ...architectures: readonly string[]) =>
  architectures
    .map(
      (architecture) => `${parameter}=${encodeURIComponent(JSON.stringify({ os: 'linux', architecture }))}`,
    )
    .join('&');

/** The architectures of the named image that are here; undefined if there is no such image. */
async function architecturesHere(): Promise<readonly string[] | undefined> {
  const { status, body } = await request(engine.socket, 'GET', `/images/${name}/json?manifests=1`);
  if (status === 404) return undefined;
  const image: ImageInspect = JSON.parse(body);
  if (!image.Descriptor?.mediaType.includes('index')) return [image.Architecture];
  return platformsOf(image).flatMap(([architecture, isHere]) => (isHere ? [String(architecture)] : []));
}

async function indexHere(): Promise<string | undefined> {
  const path = `/images/${name}/json?manifests=1`;
  return (await requestJson<ImageInspect>(engine.socket, 'GET', path)).Descriptor?.digest;
}

async function load(archive: Buffer, query = ''): Promise<string> {
  const { status, body } = await request(
    engine.socket,
    'POST',
    `/images/load${query}`,
    Readable.from([archive]),
  );
  assert.equal(status, 200);
  return body;
}

/** An archive as `save` sends it. */
async function save(query: string): Promise<Buffer> {
  const path = join(scratch, 'platforms.tar');
  const url = `http://d/v1.51/images/${name}/get${query}`;
  const outcome = await runProgram('curl', ['-sS', '--unix-socket', engine.socket, '-o', path, url]);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return readFileSync(path);
}

test('archives of several platforms keep them: load, save, and of each those that are chosen', async () => {
  const path = join(scratch, 'layout.tar');
  const layout = `oci-archive:${path}:${name}`;
  await skopeo('copy', '-q', '--all', '--src-tls-verify=false', `docker://${name}`, layout);
  const archive = readFileSync(path);
  const both = ['amd64', 'arm64'];
  const loaded = await load(archive);
  const digest = await indexHere();
  assert.match(loaded, new RegExp(`"stream":"Loaded image: ${name}`));
  assert.doesNotMatch(loaded, /Loaded image ID/);
  assert.deepEqual(await architecturesHere(), both);
  const whole = await save('');
  const two = await save(`?${chosenPlatforms('platform', 'amd64', 'arm64')}`);
  const one = await save(`?${chosenPlatforms('platform', 'arm64')}`);
  const byCommand = join(scratch, 'by-command.tar');
  const saved = await cli('save', '--platform', 'linux/arm64', '-o', byCommand, name);
  assert.equal(saved.exitCode, 0, saved.stderr);
  assert.ok(readFileSync(byCommand).equals(one));
  const lacking = await save(`?${chosenPlatforms('platform', 'amd64', 's390x')}`);
  assert.match(lacking.toString(), /does not provide the specified platform \(linux\/s390x\)/);
  const remove = () => dockerOk(engine, ['rmi', name]);
  const outcomes: unknown[] = [];
  for (const [saved, query] of [
    [whole, ''],
    [two, ''],
    [one, ''],
    [whole, `?${chosenPlatforms('platform', 'arm64')}`],
    [whole, `?${chosenPlatforms('platform', 'arm64', 'amd64')}`],
  ] as const) {
    await remove();
    assert.equal(await architecturesHere(), undefined);
    await load(saved, query);
    outcomes.push(await architecturesHere());
  }
  assert.deepEqual(outcomes, [both, both, ['arm64'], ['arm64'], both]);
  await remove();
  assert.match(await load(whole, `?${chosenPlatforms('platform', 's390x')}`), /has none for linux\/s390x/);
  assert.equal(await dockerOk(engine, ['images', '-aq']), '');
  // What went through an archive is what it was.
  await load(whole);
  assert.equal(await indexHere(), digest);
});

test('one platform goes to a registry alone, and is removed alone', async () => {
  const target = `${registry.registry.address}/alone`;
  await dockerOk(engine, ['tag', name, `${target}:1`]);
  const push = (query: string) =>
    request(engine.socket, 'POST', `/images/${target}/push?tag=1&${query}`, undefined, {
      'X-Registry-Auth': 'e30=',
    });
  const sent = await push(chosenPlatforms('platform', 'arm64'));
  assert.match(sent.body, /1: digest: sha256:/);
  const { config } = JSON.parse(
    await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${target}:1`),
  );
  const arm64 = await cli('image', 'inspect', '-f', '{{.Id}}', '--platform', 'arm64', name);
  assert.equal(config.digest, arm64.stdout.trim());
  assert.match(
    (await push(chosenPlatforms('platform', 's390x'))).body,
    /does not provide the specified platform/,
  );
  await dockerOk(engine, ['rmi', `${target}:1`]);
  const remove = async (...architectures: readonly string[]) => {
    const path = `/images/${name}?${chosenPlatforms('platforms', ...architectures)}`;
    return (await request(engine.socket, 'DELETE', path)).status;
  };
  assert.equal(await remove('amd64', 's390x'), 404);
  assert.deepEqual(await architecturesHere(), ['amd64', 'arm64']);
  const removed = await cli('rmi', '--platform', 'linux/amd64', name);
  assert.match(removed.stdout, /^Deleted: sha256:/, removed.stderr);
  assert.deepEqual(await architecturesHere(), ['arm64'], 'the name means the other platform');
  assert.equal(await remove('amd64'), 404);
  assert.equal(await remove('arm64'), 200);
  assert.equal(await dockerOk(engine, ['images', '-aq']), '');
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import { digestOf, imageManifest, readJson, CONFIG, bodyOf, OCI_MANIFEST } from './served.ts';

const program = join(import.meta.dirname, '../../bin/caisson-registry');
const MEBIBYTE = 1024 * 1024;

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'caisson-registry-crash-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A registry in a process that can be killed. */
class Killable implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(): Promise<Killable> {
    const child = spawn(program, ['serve', '--root', root, '--listen', '127.0.0.1:0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface({ input: child.stderr })) {
      const address = /address="([^"]+)"/.exec(line)?.[1];
      if (address !== undefined) return new Killable(child, `http://${address}`);
    }
    throw new Error('the registry did not start');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Every blob that is visible is whole. */
function checkBlobs(): void {
  const directory = join(root, 'blobs/sha256');
  for (const name of readdirSync(directory))
    assert.equal(digestOf(readFileSync(join(directory, name))), `sha256:${name}`);
}

async function offsetOf(url: string): Promise<number> {
  const response = await fetch(url);
  assert.equal(response.status, 204);
  const range = response.headers.get('range') ?? '';
  return range === '0-0' ? 0 : Number(range.slice(2)) + 1;
}

describe('a registry that is killed', () => {
  it('continues an upload where it was', async () => {
    const content = randomBytes(8 * MEBIBYTE);
    await using first = await Killable.start();
    const opened = await fetch(`${first.url}/v2/k/blobs/uploads/`, { method: 'POST' });
    const location = opened.headers.get('location') ?? '';
    const cut = request(`${first.url}${location}`, {
      method: 'PATCH',
      headers: { 'content-length': content.length },
    });
    cut.on('error', () => {});
    cut.write(content.subarray(0, 6 * MEBIBYTE));
    while ((await offsetOf(`${first.url}${location}`)) < 6 * MEBIBYTE);
    await first.kill();
    await using second = await Killable.start();
    const offset = await offsetOf(`${second.url}${location}`);
    assert.ok(offset > 0 && offset <= 6 * MEBIBYTE, `offset ${offset}`);
    const finished = await fetch(`${second.url}${location}?digest=${digestOf(content)}`, {
      method: 'PUT',
      headers: { 'content-range': `${offset}-${content.length - 1}` },
      body: bodyOf(content.subarray(offset)),
    });
    assert.equal(finished.status, 201, await finished.text());
    const blob = await fetch(`${second.url}/v2/k/blobs/${digestOf(content)}`);
    assert.deepEqual(Buffer.from(await blob.arrayBuffer()), content);
    checkBlobs();
  });

  it('shows whole images only, and keeps what it acknowledged, whenever that happens', async () => {
    for (const count of [0, 1, 2, 4, 7]) {
      await using registry = await Killable.start();
      const acknowledged: string[] = [];
      const pushing = pushImages(registry.url, count, acknowledged).catch(() => undefined);
      await until(() => acknowledged.length >= count, `${count} answers`);
      // Somewhere in the middle of the next.
      await sleep(2 * count);
      await registry.kill();
      await pushing;
      checkBlobs();
      await using again = await Killable.start();
      for (const path of acknowledged) assert.equal((await fetch(again.url + path)).status, 200, path);
      for (const repository of (await read<Catalog>(`${again.url}/v2/_catalog`)).repositories)
        await checkImages(again.url, repository);
    }
  });
});

async function pushImages(url: string, seed: number, acknowledged: string[]): Promise<void> {
  for (let index = 0; ; index++) {
    const layer = randomBytes(200_000);
    const repository = `crash/${seed}`;
    for (const blob of [layer, CONFIG]) {
      const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(blob)}`;
      if ((await fetch(url + path, { method: 'POST', body: bodyOf(blob) })).status === 201)
        acknowledged.push(`/v2/${repository}/blobs/${digestOf(blob)}`);
    }
    const path = `/v2/${repository}/manifests/v${index}`;
    const headers = { 'content-type': OCI_MANIFEST };
    const body = bodyOf(imageManifest([layer]));
    if ((await fetch(url + path, { method: 'PUT', headers, body })).status === 201) acknowledged.push(path);
  }
}

async function checkImages(url: string, repository: string): Promise<void> {
  for (const tag of (await read<Tags>(`${url}/v2/${repository}/tags/list`)).tags) {
    const manifest = await read<ImageManifest>(`${url}/v2/${repository}/manifests/${tag}`);
    for (const { digest } of [manifest.config, ...manifest.layers])
      assert.equal((await fetch(`${url}/v2/${repository}/blobs/${digest}`)).status, 200);
  }
}

interface Catalog {
  readonly repositories: readonly string[];
}

interface Tags {
  readonly tags: readonly string[];
}

interface ImageManifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

async function read<T>(url: string): Promise<T> {
  return readJson<T>(await fetch(url));
}

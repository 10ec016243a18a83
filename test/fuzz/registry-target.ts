/** A registry that lies: what it answers to a pull is changed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isEngineError } from '#base/errors.ts';
import { NO_FILTERS } from '#base/filters.ts';
import { open } from '../../src/image/image-store.fixture.ts';
import { FakeRegistry } from '../../src/registry/fake-registry.fixture.ts';
import { createRegistries } from '#registry/registries.ts';
import { tarOf } from '../fixtures/tar.ts';
import type { FuzzTarget } from './fuzz.ts';
import { mutateBytes, mutateJson, mutateText } from './mutate.ts';
import type { Random } from './random.ts';

const HEADERS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ['Content-Type', ['application/vnd.oci.image.index.v1+json', 'text/html', 'x'.repeat(1000)]],
  ['Docker-Content-Digest', [`sha256:${'0'.repeat(64)}`, 'sha512:x', '']],
  ['Content-Range', ['bytes 5-9/10', 'bytes 0-/x', 'bytes 9-5/1']],
  ['Location', ['/v2/', 'http://127.0.0.1:1/x', 'file:///etc/passwd', 'http://[', '']],
  [
    'WWW-Authenticate',
    ['Basic realm="x"', 'Bearer realm="http://127.0.0.1:1/t"', 'Bearer realm="/"', 'Bearer'],
  ],
  ['Link', ['</v2/a/b/tags/list?last=x>; rel="next"', '<x', '<http://127.0.0.1:1/>; rel=next']],
  ['Retry-After', ['0', '-1', 'x']],
  ['Content-Encoding', ['gzip', 'br']],
];

const STATUSES = [200, 201, 204, 206, 301, 307, 308, 400, 401, 403, 404, 405, 416, 429, 500, 503] as const;

/** What a registry answers, with changes of status, headers and content. */
function lie(random: Random, registry: FakeRegistry, response: ServerResponse, url: string): void {
  const [, kind = '', reference = ''] = /\/(manifests|blobs|tags)\/(.*)$/.exec(url) ?? [];
  const stored = registry.manifests.get(`a/b:${reference}`) ?? registry.manifests.get(`a/b@${reference}`);
  const right =
    stored?.content ?? registry.blobs.get(reference) ?? Buffer.from('{"name":"a/b","tags":["v1"]}');
  const content = kind === 'blobs' ? mutateBytes(random, right) : changedDocument(random, right);
  const headers: Record<string, string> = { 'Content-Type': stored?.mediaType ?? 'application/json' };
  if (!random.oneIn(3)) headers['Content-Length'] = String(random.oneIn(4) ? right.length : content.length);
  if (random.oneIn(2)) {
    const [name, values] = random.pick(HEADERS);
    headers[name] = headerText(
      random.oneIn(3) ? mutateText(random, random.pick(values)) : random.pick(values),
    );
  }
  response.strictContentLength = false;
  response.writeHead(random.oneIn(2) ? 200 : random.pick(STATUSES), headers);
  if (random.oneIn(10)) response.write(content.subarray(0, 10), () => response.destroy());
  else response.end(content);
}

function changedDocument(random: Random, right: Buffer): Buffer {
  if (random.oneIn(4)) return mutateBytes(random, right);
  return Buffer.from(JSON.stringify(mutateJson(random, JSON.parse(right.toString()))) ?? '');
}

function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

/** Dispose it to close the registry and the images. */
export async function registryTarget(): Promise<
  AsyncDisposable & { readonly targets: readonly FuzzTarget[] }
> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'caisson-fuzz-registry-'));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const registry = stack.use(await FakeRegistry.start());
  const retry = { attempts: 2, firstPauseMs: 1, maximumRetryAfterMs: 1 };
  const timeouts = { connectMs: 2000, stallMs: 2000 };
  const registries = stack.use(createRegistries({ retry, timeouts, certificateDirectories: [] }));
  const { images, layers } = stack.use(await open(directory, { registries, maximumLayerBytes: 1 << 24 }));
  registry.addImage('a/b', 'v1', [tarOf({ path: 'a', content: 'a' }), tarOf({ path: 'b', content: 'b' })]);
  const all = { all: true, filters: NO_FILTERS, sharedSize: false };
  const attempt = async (random: Random) => {
    const lyingFrom = random.below(3);
    let requests = 0;
    registry.intercept = ({ url = '' }, response) => {
      if (requests++ < lyingFrom || random.oneIn(3)) return false;
      lie(random, registry, response, url);
      return true;
    };
    const tag = random.oneIn(4) ? '' : ':v1';
    try {
      await Array.fromAsync(images.pull({ reference: `${registry.host}/a/b${tag}` }));
    } catch (error) {
      if (!isEngineError(error) || error.code === 'internal') throw error;
    }
    // Whatever was taken is an image that can be shown, saved and removed.
    for (const { id } of await images.list(all)) {
      await images.inspect(id);
      await images.remove(id, { force: true, prune: true });
    }
    await images.prune(NO_FILTERS);
    assert.deepEqual(layers.list(), [], 'layers of no image are left');
  };
  const kept = stack.move();
  return { targets: [{ name: 'registry', attempt }], [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

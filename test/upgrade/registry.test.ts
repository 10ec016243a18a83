/** A registry takes over the root that a former version of it has left. */
import assert from 'node:assert/strict';
import { mkdtempDisposableSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { startRegistry } from '../../src/registry-server/start-registry.ts';
import { bodyOf, digestOf, imageManifest, OCI_INDEX, Served, sized } from '../registry-server/served.ts';
import { FormerVersion } from '../support/former-version.ts';

const COMMIT = '90fc381';
/** Where that version has {@link startRegistry}. */
const START = 'src/registry/server/start-registry.ts';

const LAYERS = [Buffer.from('one layer'), Buffer.from('another')];
const UPLOADED = Buffer.alloc(100_000, 'uploaded in two parts ');
const HALF = 40_000;

type Start = { readonly startRegistry: typeof startRegistry };

/** An image under two names, an index of it, a signature that refers to it, and a mounted blob. */
async function fill(served: Served): Promise<string> {
  const image = await served.pushImage('some/image', 'v1', LAYERS);
  await served.pushManifest('some/image', 'latest', imageManifest(LAYERS));
  const manifests = [
    { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...sized(imageManifest(LAYERS)) },
  ];
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  await served.pushManifest('some/image', 'all', index, OCI_INDEX);
  const signature = {
    artifactType: 'application/vnd.example.signature',
    subject: { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...sized(imageManifest(LAYERS)) },
  };
  await served.pushImage('some/image', 'signature', [Buffer.from('signed')], signature);
  const [layer = Buffer.alloc(0)] = LAYERS;
  const mount = `/v2/other/blobs/uploads/?mount=${digestOf(layer)}&from=some/image`;
  await served.expect(201, 'POST', mount);
  return image;
}

/** What clients can read. */
async function view(served: Served, image: string): Promise<unknown> {
  const paths = [
    '/v2/_catalog',
    '/v2/some/image/tags/list',
    ...['v1', 'latest', 'all', 'signature', image].map((name) => `/v2/some/image/manifests/${name}`),
    ...LAYERS.map((layer) => `/v2/some/image/blobs/${digestOf(layer)}`),
    `/v2/other/blobs/${digestOf(LAYERS[0] ?? Buffer.alloc(0))}`,
    `/v2/some/image/referrers/${image}`,
  ];
  return await Promise.all(
    paths.map(async (path) => {
      const response = await served.expect(200, 'GET', path);
      const { headers } = response;
      const told = ['content-type', 'docker-content-digest', 'etag'].map((name) => headers.get(name));
      return { path, told, body: await response.text() };
    }),
  );
}

/** @returns where it goes on */
async function beginUpload(served: Served): Promise<string> {
  const begun = await served.expect(202, 'POST', '/v2/some/image/blobs/uploads/');
  const sent = await served.expect(202, 'PATCH', locationOf(begun), {
    body: bodyOf(UPLOADED.subarray(0, HALF)),
  });
  return locationOf(sent);
}

async function finishUpload(served: Served, location: string): Promise<void> {
  const range = `${HALF}-${UPLOADED.length - 1}`;
  const sent = await served.expect(202, 'PATCH', location, {
    headers: { 'content-range': range },
    body: bodyOf(UPLOADED.subarray(HALF)),
  });
  const digest = digestOf(UPLOADED);
  await served.expect(201, 'PUT', `${locationOf(sent)}?digest=${digest}`);
  const stored = await served.expect(200, 'GET', `/v2/some/image/blobs/${digest}`);
  assert.deepEqual(Buffer.from(await stored.arrayBuffer()), UPLOADED);
}

/** Its path. */
function locationOf(response: Response): string {
  return new URL(response.headers.get('location') ?? '', response.url).pathname;
}

test(`what a registry of ${COMMIT} left`, async () => {
  using former = new FormerVersion(COMMIT);
  using root = mkdtempDisposableSync('/tmp/caisson-registry-upgrade-');
  const module: Start = await import(join(former.home, START));
  let image: string;
  let location: string;
  let before: unknown;
  {
    await using served = await Served.start({ root: root.path }, module.startRegistry);
    image = await fill(served);
    location = await beginUpload(served);
    before = await view(served, image);
  }
  await using served = await Served.start({ root: root.path });
  assert.deepEqual(await view(served, image), before);
  await finishUpload(served, location);
  await served.expect(202, 'DELETE', '/v2/some/image/manifests/latest');
  await served.expect(200, 'GET', '/v2/some/image/manifests/v1');
  await served.pushImage('some/image', 'v2', [...LAYERS, Buffer.from('a third')]);
});

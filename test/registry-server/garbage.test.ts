import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { collectRegistryGarbage } from '../../src/registry-server/start-registry.ts';
import { CONFIG, digestOf, imageManifest, OCI_INDEX, OCI_MANIFEST, Served, sized } from './served.ts';

const program = join(import.meta.dirname, '../../bin/caisson-registry');

function blobsOf(root: string): readonly string[] {
  return readdirSync(join(root, 'blobs/sha256')).map((name) => `sha256:${name}`);
}

/** Ends the protection of what was used lately with the registry itself. */
async function restarted(served: Served): Promise<Served> {
  await served.registry[Symbol.asyncDispose]();
  return Served.start({ root: served.root });
}

describe('garbage collection of a registry', () => {
  it('deletes what no manifest names, once its grace is over', async () => {
    await using first = await Served.start();
    const [kept, lost] = [randomBytes(1000), randomBytes(2000)];
    await first.pushImage('gc/a', 'v1', [kept]);
    await first.pushBlob('gc/a', lost);
    assert.deepEqual(await first.registry.collectGarbage(), { manifests: 0, blobs: 0, bytes: 0 });
    // The client that has just pushed it may still use it.
    assert.deepEqual(await first.registry.collectGarbage({ graceMs: 0 }), {
      manifests: 0,
      blobs: 0,
      bytes: 0,
    });
    await using second = await restarted(first);
    const report = { manifests: 0, blobs: 1, bytes: 2000 };
    assert.deepEqual(await second.registry.collectGarbage({ graceMs: 0, dryRun: true }), report);
    assert.ok(blobsOf(second.root).includes(digestOf(lost)));
    assert.deepEqual(await second.registry.collectGarbage({ graceMs: 0 }), report);
    assert.ok(!blobsOf(second.root).includes(digestOf(lost)));
    await second.expect(200, 'GET', `/v2/gc/a/blobs/${digestOf(kept)}`);
  });

  it('keeps untagged manifests unless told otherwise, and what tagged ones lead to always', async () => {
    await using first = await Served.start();
    const [old, child, sbom] = [randomBytes(10), randomBytes(11), randomBytes(12)];
    await first.pushImage('gc/b', 'v1', [old]);
    const childDigest = await first.pushImage('gc/b', digestOf(imageManifest([child])), [child]);
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: OCI_MANIFEST, ...sized(imageManifest([child])) }],
      }),
    );
    await first.pushManifest('gc/b', 'v1', index, OCI_INDEX);
    const more = { subject: { mediaType: OCI_MANIFEST, ...sized(imageManifest([child])) } };
    await first.pushImage('gc/b', digestOf(imageManifest([sbom], more)), [sbom], more);
    await using second = await restarted(first);
    assert.equal((await second.registry.collectGarbage({ graceMs: 0 })).manifests, 0);
    const report = await second.registry.collectGarbage({ graceMs: 0, deleteUntagged: true });
    assert.deepEqual({ manifests: report.manifests, blobs: report.blobs }, { manifests: 1, blobs: 2 });
    await second.expect(200, 'GET', `/v2/gc/b/manifests/${childDigest}`);
    await second.expect(202, 'DELETE', '/v2/gc/b/manifests/v1');
    await using third = await restarted(second);
    assert.equal((await third.registry.collectGarbage({ graceMs: 0, deleteUntagged: true })).manifests, 3);
    assert.deepEqual(blobsOf(third.root), []);
    assert.deepEqual(await (await third.expect(200, 'GET', '/v2/_catalog')).json(), { repositories: [] });
  });

  it('never takes a blob from under a push', async () => {
    await using served = await Served.start();
    const pushing = new AbortController();
    const collecting = (async () => {
      while (!pushing.signal.aborted)
        await served.registry.collectGarbage({ graceMs: 0, deleteUntagged: true });
    })();
    try {
      const layers = [randomBytes(70_000), randomBytes(100)];
      for (let round = 0; round < 30; round++) {
        for (const layer of [CONFIG, ...layers]) {
          const found = await served.ask('HEAD', `/v2/gc/racing/blobs/${digestOf(layer)}`);
          if (found.status === 404) await served.pushBlob('gc/racing', layer);
          else assert.equal(found.status, 200);
        }
        const manifest = imageManifest(layers, { annotations: { round: String(round) } });
        await served.pushManifest('gc/racing', 'v1', manifest);
        await served.expect(202, 'DELETE', `/v2/gc/racing/manifests/${digestOf(manifest)}`);
      }
    } finally {
      pushing.abort();
      await collecting;
    }
  });

  it('works from outside, while the registry serves and while it does not', async () => {
    await using served = await Served.start();
    await served.pushBlob('gc/cli', randomBytes(1000));
    const asked = await promisify(execFile)(program, ['gc', '--root', served.root, '--grace', '0']);
    assert.equal(asked.stdout, '0 manifests, 0 blobs, 0.0 MB\n');
    await served.registry[Symbol.asyncDispose]();
    const alone = execFileSync(program, ['gc', '--root', served.root, '--grace', '0'], { encoding: 'utf8' });
    assert.equal(alone, '0 manifests, 1 blobs, 0.0 MB\n');
    rmSync(`${served.root}-none`, { recursive: true, force: true });
    await assert.rejects(collectRegistryGarbage(`${served.root}-none`, {}), /there is no registry/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { decodeImageConfig, encodeImageConfig } from './image-config.ts';
import { decodeIndex, decodeManifest } from './manifest.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const MINIMAL = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [DIGEST] } };

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function assertInvalid(work: () => unknown, text: RegExp): void {
  assert.throws(work, (error) => isEngineError(error, 'invalid') && text.test(error.message));
}

describe('decodeImageConfig', () => {
  it('reads what Docker writes: nulls, extras and single strings included', () => {
    const config = decodeImageConfig(
      json({
        ...MINIMAL,
        os: 'Linux',
        created: '2024-01-01T00:00:00Z',
        container_config: { Cmd: 7 },
        config: {
          Env: ['A=b'],
          Cmd: 'sh',
          Entrypoint: null,
          Volumes: { '/data': {} },
          Labels: { a: 'b', c: null },
          OnBuild: ['RUN x', null],
          Healthcheck: { Test: ['CMD', 'true'], Interval: 5e9 },
        },
        history: [{ created_by: 'RUN x', empty_layer: true }, {}],
      }),
    );
    assert.deepEqual(config.config, {
      Env: ['A=b'],
      Cmd: ['sh'],
      Volumes: { '/data': {} },
      Labels: { a: 'b', c: '' },
      OnBuild: ['RUN x', ''],
      Healthcheck: { Test: ['CMD', 'true'], Interval: 5e9 },
    });
    assert.equal(config.os, 'linux');
    assert.deepEqual(config.history, [{ created_by: 'RUN x', empty_layer: true }, {}]);
    assert.deepEqual(decodeImageConfig(encodeImageConfig(config)), config);
  });

  const refused: readonly (readonly [RegExp, unknown])[] = [
    [/not an object/, []],
    [/rootfs is missing/, { os: 'linux' }],
    [/diff ID is not/, { rootfs: { diff_ids: ['sha256:x'] } }],
    [/diff_ids has more than 500/, { rootfs: { diff_ids: Array.from({ length: 501 }, () => DIGEST) } }],
    [/Env is not an array of strings/, { ...MINIMAL, config: { Env: [1] } }],
    [/Labels has a value that is not a string/, { ...MINIMAL, config: { Labels: { a: 1 } } }],
    [/rootfs type/, { rootfs: { type: 'zfs' } }],
  ];
  for (const [text, value] of refused)
    it(`refuses: ${text.source}`, () => assertInvalid(() => decodeImageConfig(json(value)), text));

  it('refuses what is not JSON or too large', () => {
    assertInvalid(() => decodeImageConfig(Buffer.from('{')), /not JSON/);
    assertInvalid(() => decodeImageConfig(Buffer.alloc(9 << 20, ' ')), /larger than/);
  });
});

describe('manifests and indexes', () => {
  const descriptor = { mediaType: 'x', digest: DIGEST, size: 3 };

  it('are read', () => {
    const manifest = decodeManifest(json({ schemaVersion: 2, config: descriptor, layers: [descriptor] }));
    assert.deepEqual(manifest.layers, [descriptor]);
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    const index = decodeIndex(json({ schemaVersion: 2, manifests: [{ ...descriptor, platform }] }));
    assert.deepEqual(index.manifests[0]?.platform, platform);
  });

  it('are refused where malformed', () => {
    assertInvalid(() => decodeManifest(json({ schemaVersion: 1 })), /schemaVersion/);
    assertInvalid(() => decodeManifest(json({ schemaVersion: 2, layers: [] })), /config is missing/);
    const bad = { ...descriptor, digest: '../../etc/passwd' };
    assertInvalid(() => decodeManifest(json({ schemaVersion: 2, config: bad })), /not a sha256 digest/);
    assertInvalid(
      () => decodeIndex(json({ schemaVersion: 2, manifests: [{ ...descriptor, size: -1 }] })),
      /negative/,
    );
  });
});

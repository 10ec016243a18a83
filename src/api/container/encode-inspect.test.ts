import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSpec } from '#container/container-spec.ts';
import { newContainerSpec } from '#container/new-container-spec.ts';
import type { ContainerView } from '#container/views.ts';
import { parseDigest } from '#oci/digest.ts';
import { attachTo } from '#network/attachment.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import { encodeInspect } from './encode-inspect.ts';
import { specOfRequest } from './spec-of-request.ts';

function viewOf(spec: ContainerSpec, requested: unknown): ContainerView {
  return {
    id: 'a'.repeat(64),
    name: 'web',
    createdAt: '2026-11-29T10:00:00Z',
    imageId: parseDigest(`sha256:${'b'.repeat(64)}`),
    image: spec.image,
    spec,
    requested,
    state: { status: 'created', exitCode: 0, outOfMemory: false },
    mounts: [],
    network: { attachments: [attachTo('bridge')] },
    links: [],
    linkedAs: [],
    execIds: [],
    logPath: '',
  };
}

function inspectOf(body: object, changes: Partial<ContainerSpec> = {}) {
  const requested = decodeCreateRequest(JSON.stringify({ Image: 'i', ...body }));
  const { spec } = specOfRequest(requested);
  return encodeInspect(viewOf({ ...spec, ...changes }, JSON.parse(JSON.stringify(requested))));
}

test('inspect repeats what was sent: an empty list is none, and null is null', () => {
  const { Config, HostConfig } = inspectOf({ Cmd: ['x'], HostConfig: { Binds: ['/a:/b:ro'], Ulimits: [] } });
  assert.deepEqual([Config.Cmd, Config.Entrypoint, Config.Env, Config.Volumes], [['x'], null, null, null]);
  assert.deepEqual([HostConfig.Binds, HostConfig.Ulimits, HostConfig.CapAdd], [['/a:/b:ro'], [], null]);
  assert.deepEqual(HostConfig.RestartPolicy, { Name: 'no', MaximumRetryCount: 0 });
});

test('what the engine has decided and what an update has changed comes from the spec', () => {
  const { Config, HostConfig } = inspectOf(
    { HostConfig: { Memory: 64 << 20, RestartPolicy: { Name: 'always' }, NetworkMode: 'container:web' } },
    {
      hostname: 'abc',
      runtime: 'crun',
      limits: { memoryBytes: 128 << 20, memorySwapBytes: -1, pids: 5 },
      restart: { kind: 'on-failure', maximumRetries: 2 },
    },
  );
  assert.equal(Config.Hostname, 'abc');
  assert.equal(HostConfig.Runtime, 'crun');
  assert.equal(HostConfig.NetworkMode, 'container:web');
  assert.deepEqual([HostConfig.Memory, HostConfig.MemorySwap, HostConfig.PidsLimit], [128 << 20, -1, 5]);
  assert.deepEqual(HostConfig.RestartPolicy, { Name: 'on-failure', MaximumRetryCount: 2 });
});

test('a container that no Docker client asked for is shown as if one had', () => {
  const spec = newContainerSpec('postgres:18', {
    process: { command: ['postgres'], environment: ['A=1'], stdin: 'once' },
    security: { privileged: true, addedCapabilities: ['NET_ADMIN'] },
    limits: { nanoCpus: 5e8 },
    log: { driver: 'local' },
  });
  const { Config, HostConfig, Path, State } = encodeInspect(viewOf(spec, undefined));
  assert.equal(Path, 'postgres');
  assert.deepEqual([Config.Image, Config.Env, Config.StdinOnce], ['postgres:18', ['A=1'], true]);
  assert.deepEqual(HostConfig.CapAdd, ['NET_ADMIN']);
  assert.deepEqual(
    [HostConfig.NetworkMode, HostConfig.Privileged, HostConfig.NanoCpus],
    ['bridge', true, 5e8],
  );
  assert.equal(HostConfig.LogConfig.Type, 'json-file');
  assert.equal(State.Error, '');
});

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { SolveRequest } from '#wire/buildkit/control.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import { buildRequestOf } from './build-attributes.ts';
import { ClientSession } from './client-session.ts';
import { GrpcClient } from './grpc-client.ts';

const signal = new AbortController().signal;

/** The request of a client that is never asked anything. */
function requestOf(attributes: Readonly<Record<string, string>>, solve: InputOf<typeof SolveRequest> = {}) {
  const session = new ClientSession(new GrpcClient(new PassThrough()), {
    methods: new Set(),
    sharedKey: 'key',
  });
  return buildRequestOf({
    attributes: new Map(Object.entries(attributes)),
    inputs: new Map(),
    solve: SolveRequest.decode(SolveRequest.encode(solve)),
    session,
    signal,
  });
}

test('the least: directories of the session, nothing exported', () => {
  const request = requestOf({});
  assert.deepEqual(request.context, { kind: 'session', directory: 'context' });
  assert.deepEqual(request.dockerfileSource, { kind: 'session', directory: 'dockerfile' });
  assert.equal(request.dockerfile, 'Dockerfile');
  assert.deepEqual(request.outputs, [{ type: 'cacheonly', attributes: {} }]);
  assert.equal(request.noCache, false);
  assert.equal(request.pull, false);
});

test('the name of the machine of commands: an argument comes before the attribute', () => {
  const name = 'BUILDKIT_SANDBOX_HOSTNAME';
  assert.deepEqual(requestOf({ hostname: 'box' }).buildArgs, { [name]: 'box' });
  const both = requestOf({ hostname: 'box', [`build-arg:${name}`]: 'other' });
  assert.deepEqual(both.buildArgs, { [name]: 'other' });
});

test('arguments, labels, platforms, limits', () => {
  const request = requestOf({
    filename: 'sub/Dockerfile.dev',
    target: 'final',
    'build-arg:A': '1',
    'build-arg:B': 'x=y',
    'label:l': 'v',
    'no-cache': 'one,two',
    'image-resolve-mode': 'pull',
    platform: 'linux/amd64,linux/arm64',
    'add-hosts': 'one=1.2.3.4,six=::1',
    'force-network-mode': 'none',
    'shm-size': '1048576',
    ulimit: 'nofile=10:20,nproc=5',
    'cgroup-parent': 'up',
    'attest:sbom': 'generator=x',
    'attest:provenance': 'mode=max,disabled=true',
  });
  assert.deepEqual([request.dockerfile, request.target], ['sub/Dockerfile.dev', 'final']);
  assert.deepEqual(request.buildArgs, { A: '1', B: 'x=y' });
  assert.deepEqual(request.labels, { l: 'v' });
  assert.deepEqual([request.noCache, request.noCacheStages, request.pull], [false, ['one', 'two'], true]);
  assert.deepEqual(request.platforms, ['linux/amd64', 'linux/arm64']);
  const { extraHosts, network, sharedMemoryBytes, ulimits, limits } = request.commands;
  assert.deepEqual(extraHosts, ['one:1.2.3.4', 'six:::1']);
  assert.deepEqual([network, sharedMemoryBytes], [{ kind: 'none' }, 1_048_576]);
  assert.equal(limits.cgroupParent, 'up');
  assert.deepEqual(ulimits, [
    { name: 'nofile', soft: 10, hard: 20 },
    { name: 'nproc', soft: 5, hard: 5 },
  ]);
  assert.deepEqual(request.attestations, { sbom: { generator: 'x' } });
  const byArguments = requestOf({
    'attest:provenance': 'mode=min,inline-only=true',
    'build-arg:BUILDKIT_ATTEST_PROVENANCE': 'mode=max',
    'build-arg:BUILDKIT_ATTEST_SBOM': 'generator=x,"LIST=a,b"',
  });
  const wished = { provenance: { mode: 'max' }, sbom: { generator: 'x', LIST: 'a,b' } };
  assert.deepEqual(byArguments.attestations, wished);
  assert.deepEqual(requestOf({ 'build-arg:BUILDKIT_ATTEST_SBOM': '' }).attestations, { sbom: {} });
  assert.equal(requestOf({ 'no-cache': '' }).noCache, true);
  assert.throws(() => requestOf({ ulimit: 'nonsense' }), { code: 'invalid' });
});

test('contexts of all kinds', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const request = requestOf({
    context: 'https://example.org/repository.git#main:sub',
    'context:dir': 'local:dir',
    'context:image': 'docker-image://busybox:1',
    'context:layout': `oci-layout://store@${digest}`,
    'context:git': 'https://example.org/other.git',
  });
  assert.deepEqual(request.context, { kind: 'remote', url: 'https://example.org/repository.git#main:sub' });
  assert.equal(request.dockerfileSource, undefined);
  assert.deepEqual(request.namedContexts, {
    dir: { kind: 'session', directory: 'dir' },
    image: { kind: 'image', reference: 'busybox:1' },
    layout: { kind: 'oci-layout', directory: 'store', digest },
    git: { kind: 'remote', url: 'https://example.org/other.git' },
  });
  assert.throws(() => requestOf({ 'context:x': 'oci-layout://store' }), { code: 'invalid' });
});

test('exporters and caches, in the places where clients of all ages name them', () => {
  const old = requestOf({}, { ExporterDeprecated: 'moby', ExporterAttrsDeprecated: { name: 'a:1,b:2' } });
  assert.deepEqual(old.outputs, [{ type: 'image', attributes: { name: 'a:1,b:2' } }]);
  assert.deepEqual(old.references, ['a:1', 'b:2']);
  const several = requestOf(
    { 'cache-imports': '[{"Type":"registry","Attrs":{"ref":"r/c"}}]', 'cache-from': 'r/d' },
    {
      ExporterDeprecated: 'moby',
      Exporters: [
        { Type: 'local', Attrs: {} },
        { Type: 'oci', Attrs: { dest: 'x' } },
      ],
      Cache: {
        Imports: [{ Type: 'local', Attrs: { src: 's' } }],
        Exports: [
          { Type: 'inline', Attrs: {} },
          { Type: 'gha', Attrs: {} },
        ],
      },
    },
  );
  assert.deepEqual(
    several.outputs?.map(({ type }) => type),
    ['local', 'oci'],
  );
  assert.deepEqual(several.cacheFrom, [
    { type: 'local', attributes: { src: 's' } },
    { type: 'registry', attributes: { ref: 'r/c' } },
    { type: 'registry', attributes: { ref: 'r/d' } },
  ]);
  assert.deepEqual(
    several.cacheTo?.map(({ type }) => type),
    ['inline', 'gha'],
  );
  assert.throws(() => requestOf({}, { Exporters: [{ Type: 'nonsense', Attrs: {} }] }), { code: 'invalid' });
  assert.throws(() => requestOf({ 'cache-imports': 'nonsense' }), { code: 'invalid' });
});

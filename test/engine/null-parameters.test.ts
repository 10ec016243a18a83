/** Go's clients send `null` for maps, lists and pointers that are not set: it is the same as sending nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

const CONTEXT = tarOf({ path: 'Dockerfile', content: 'FROM bb\nLABEL a=b\n' });
const BASE64_NULL = Buffer.from('null').toString('base64url');

interface Case {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Buffer | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
}

const build = (query: string, headers = {}): Case => ({
  method: 'POST',
  path: `/build?${query}`,
  body: CONTEXT,
  headers: { 'content-type': 'application/x-tar', ...headers },
});

const CASES: readonly Case[] = [
  ...['buildargs', 'labels', 'cachefrom', 'ulimits'].map((name) => build(`${name}=null`)),
  build('buildargs=null&labels=null&cachefrom=null&ulimits=null&extrahosts=&securityopt='),
  build('version=2&outputs=null&buildargs=null&cachefrom=null'),
  build('', { 'x-registry-config': BASE64_NULL }),
  { method: 'POST', path: '/build/prune?filters=null' },
  { method: 'GET', path: '/images/json?filters=null' },
  { method: 'GET', path: '/containers/json?filters=null' },
  { method: 'GET', path: '/volumes?filters=null' },
  { method: 'GET', path: '/networks?filters=null' },
  { method: 'GET', path: '/images/bb/history?platform=null' },
  { method: 'POST', path: '/images/prune?filters=null' },
  {
    method: 'POST',
    path: '/volumes/create',
    body: { Driver: '', DriverOpts: null, Labels: null },
    status: 201,
  },
  {
    method: 'POST',
    path: '/containers/create',
    body: {
      Image: 'bb',
      Cmd: ['true'],
      Entrypoint: null,
      Env: null,
      Labels: null,
      Volumes: null,
      ExposedPorts: null,
      OnBuild: null,
      Healthcheck: null,
      Shell: null,
      StopTimeout: null,
      HostConfig: {
        Binds: null,
        PortBindings: null,
        CapAdd: null,
        CapDrop: null,
        Dns: null,
        ExtraHosts: null,
        GroupAdd: null,
        Links: null,
        Mounts: null,
        SecurityOpt: null,
        Sysctls: null,
        Tmpfs: null,
        Ulimits: null,
        Devices: null,
        DeviceRequests: null,
        PidsLimit: null,
        OomKillDisable: null,
        Init: null,
        LogConfig: { Type: '', Config: null },
        MaskedPaths: null,
        ReadonlyPaths: null,
      },
      NetworkingConfig: { EndpointsConfig: null },
    },
    status: 201,
  },
];

test('null is nothing, in query parameters, headers and bodies', async () => {
  for (const { method, path, body, headers = {}, status = 200 } of CASES) {
    const answer = await request(engine.socket, method, path, body, headers);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.body}`);
    assert.ok(!answer.body.includes('errorDetail'), `${method} ${path}: ${answer.body}`);
  }
});

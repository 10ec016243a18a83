import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Router } from './router.ts';
import { createRouter } from './routes.ts';
import { parseTarget } from './target.ts';

describe('Router', () => {
  const router = new Router<string>();
  for (const [method, pattern] of [
    ['GET', '/images/json'],
    ['GET', '/images/:name*/json'],
    ['POST', '/images/:name*/tag'],
    ['DELETE', '/images/:name*'],
    ['GET', '/containers/:id/json'],
    ['GET', '/containers/json'],
    ['*', '/swarm/:rest*'],
  ] as const) {
    router.add(method, pattern, `${method} ${pattern}`);
  }

  function expectMatch(method: string, path: string, target: string, params: object): void {
    assert.deepEqual(router.match(method, path), { target, params }, path);
  }

  it('prefers literals, then one segment, then many', () => {
    expectMatch('GET', '/images/json', 'GET /images/json', {});
    expectMatch('GET', '/containers/json', 'GET /containers/json', {});
    expectMatch('GET', '/containers/json/json', 'GET /containers/:id/json', { id: 'json' });
  });

  it('finds names with slashes by what follows them', () => {
    expectMatch('GET', '/images/a/json', 'GET /images/:name*/json', { name: 'a' });
    expectMatch('GET', '/images/r.io:5000/a/b:1/json', 'GET /images/:name*/json', {
      name: 'r.io:5000/a/b:1',
    });
    expectMatch('POST', '/images/a/tag/tag', 'POST /images/:name*/tag', { name: 'a/tag' });
    expectMatch('DELETE', '/images/a/json', 'DELETE /images/:name*', { name: 'a/json' });
    expectMatch('DELETE', '/images/a%2Fb%40sha256:1', 'DELETE /images/:name*', { name: 'a/b@sha256:1' });
  });

  it('matches any method where a route takes any', () => {
    expectMatch('PUT', '/swarm/a/b', '* /swarm/:rest*', { rest: 'a/b' });
  });

  it('finds nothing for other paths and methods', () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', ''],
      ['GET', '/images'],
      ['PUT', '/images/json'],
      ['GET', '/containers//json'],
      ['GET', '/containers/a/json/'],
      ['GET', '/swarm'],
      ['GET', '/__proto__'],
    ] as const) {
      assert.equal(router.match(method, path), undefined, `${method} ${path}`);
    }
  });

  it('leaves malformed escapes as they are, and refuses a route twice', () => {
    expectMatch('GET', '/containers/%zz/json', 'GET /containers/:id/json', { id: '%zz' });
    assert.throws(() => router.add('GET', '/images/json', 'again'), /exists/);
  });
});

describe('the routes', () => {
  it("know every path of Docker's API", () => {
    const router = createRouter();
    for (const line of DOCKER_PATHS) {
      const [method = '', path = ''] = line.split(' ');
      assert.ok(router.match(method, path), line);
    }
    assert.equal(router.match('GET', '/nope'), undefined);
    assert.equal(router.match('POST', '/_ping'), undefined);
  });

  it('take a connection over only where it carries a stream', () => {
    const router = createRouter();
    for (const path of ['/containers/a/attach', '/exec/a/start', '/session', '/grpc']) {
      assert.equal(router.match('POST', path)?.target.hijacks, true, path);
    }
    assert.equal(router.match('GET', '/version')?.target.hijacks, false);
  });
});

describe('parseTarget', () => {
  it('takes version and query apart', () => {
    assert.deepEqual(parseTarget('/v1.45/info?a=b?c'), { version: '1.45', path: '/info', query: 'a=b?c' });
    assert.deepEqual(parseTarget('/info'), { path: '/info', query: '' });
    assert.deepEqual(parseTarget('http://docker/v1.45/info'), { version: '1.45', path: '/info', query: '' });
    assert.deepEqual(parseTarget('/v1.x/info'), { path: '/v1.x/info', query: '' });
    assert.deepEqual(parseTarget('/version'), { path: '/version', query: '' });
    assert.deepEqual(parseTarget('/v1.45'), { path: '/v1.45', query: '' });
  });
});

/** The paths of the API's definition, version 1.56, and those that clients use besides. */
const DOCKER_PATHS = `
GET /containers/json
POST /containers/create
GET /containers/a/json
GET /containers/a/top
GET /containers/a/logs
GET /containers/a/changes
GET /containers/a/export
GET /containers/a/stats
POST /containers/a/resize
POST /containers/a/start
POST /containers/a/stop
POST /containers/a/restart
POST /containers/a/kill
POST /containers/a/update
POST /containers/a/rename
POST /containers/a/pause
POST /containers/a/unpause
POST /containers/a/attach
GET /containers/a/attach/ws
POST /containers/a/wait
DELETE /containers/a
HEAD /containers/a/archive
GET /containers/a/archive
PUT /containers/a/archive
GET /containers/a/checkpoints
POST /containers/a/checkpoints
DELETE /containers/a/checkpoints/b
POST /containers/prune
GET /images/json
POST /build
POST /build/prune
POST /build/cancel
POST /images/create
GET /images/a/b/json
GET /images/a/attestations
GET /images/a/history
POST /images/a/push
POST /images/a/tag
DELETE /images/a
GET /images/search
POST /images/prune
POST /auth
GET /info
GET /version
GET /_ping
HEAD /_ping
POST /commit
GET /events
GET /system/df
GET /images/a/get
GET /images/get
POST /images/load
POST /containers/a/exec
POST /exec/a/start
POST /exec/a/resize
GET /exec/a/json
GET /volumes
POST /volumes/create
GET /volumes/a
PUT /volumes/a
DELETE /volumes/a
POST /volumes/prune
GET /networks
GET /networks/a
DELETE /networks/a
POST /networks/create
POST /networks/a/connect
POST /networks/a/disconnect
POST /networks/prune
GET /plugins
GET /plugins/privileges
POST /plugins/pull
GET /plugins/a/b/json
DELETE /plugins/a
POST /plugins/a/enable
POST /plugins/a/disable
POST /plugins/a/upgrade
POST /plugins/create
POST /plugins/a/push
POST /plugins/a/set
GET /nodes
GET /nodes/a
DELETE /nodes/a
POST /nodes/a/update
GET /swarm
POST /swarm/init
POST /swarm/join
POST /swarm/leave
POST /swarm/update
GET /swarm/unlockkey
POST /swarm/unlock
GET /services
POST /services/create
GET /services/a
DELETE /services/a
POST /services/a/update
GET /services/a/logs
GET /tasks
GET /tasks/a
GET /tasks/a/logs
GET /secrets
POST /secrets/create
GET /secrets/a
DELETE /secrets/a
POST /secrets/a/update
GET /configs
POST /configs/create
GET /configs/a
DELETE /configs/a
POST /configs/a/update
GET /distribution/a/b/json
POST /session
POST /grpc
`
  .trim()
  .split('\n');

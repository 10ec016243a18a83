import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  overrideResolver,
  parseResolvConf,
  renderInternalResolvConf,
  renderResolvConf,
  type ResolverSettings,
} from './resolv-conf.ts';

const nothing: ResolverSettings = { nameservers: [], search: [], options: [] };
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('what the C library would read', () => {
  const text =
    '; comment\n# nameserver 9.9.9.9\nnameserver 1.1.1.1\nnameserver\t::1 \ndomain old\nsearch a.b c.d\noptions edns0 timeout:1\noptions rotate\n';
  assert.deepEqual(parseResolvConf(text), {
    nameservers: ['1.1.1.1', '::1'],
    search: ['a.b', 'c.d'],
    options: ['edns0', 'timeout:1', 'rotate'],
  });
});

test('flags override part by part', () => {
  const host = { nameservers: ['1.1.1.1'], search: ['lan'], options: ['rotate'] };
  assert.deepEqual(overrideResolver(host, { ...nothing, search: ['x.y'] }), { ...host, search: ['x.y'] });
  assert.deepEqual(overrideResolver(host, nothing), host);
});

test("the container's file names the internal resolver, with dockerd's options", () => {
  const settings = { nameservers: ['10.0.0.53'], search: ['a.b', 'c.d'], options: ['timeout:3'] };
  const text = renderInternalResolvConf(settings);
  assert.deepEqual(linesOf(text), ['nameserver 127.0.0.11', 'search a.b c.d', 'options timeout:3 ndots:0']);
  assert.match(text, /# ExtServers: \[10\.0\.0\.53\]\n$/);
});

test('ndots that was asked for stays', () => {
  const lines = linesOf(renderInternalResolvConf({ ...nothing, options: ['ndots:5'] }));
  assert.deepEqual(lines, ['nameserver 127.0.0.11', 'options ndots:5']);
});

test('a lone dot clears the search list', () => {
  const lines = linesOf(renderResolvConf({ nameservers: ['8.8.8.8'], search: ['.'], options: [] }));
  assert.deepEqual(lines, ['nameserver 8.8.8.8']);
});

/** What the API can be asked, with parameters and bodies that are right; nothing of it leaves this machine. */
import { CONTAINER, EXEC, NETWORK, UPDATE, VOLUME } from './samples.ts';

export interface Endpoint {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** `:container`, `:image`, `:volume` and `:network` are names of what is there, or not. */
  readonly path: string;
  readonly query?: Readonly<Record<string, readonly string[]>>;
  readonly body?: unknown;
  /** It answers for as long as the client listens. */
  readonly isEndless?: boolean;
}

const FLAG = ['1', '0', 'true', 'false'] as const;
const NUMBER = ['0', '1', '10', '-1'] as const;
const PLATFORM = ['{"os":"linux","architecture":"amd64"}', 'linux/arm64', 'null'] as const;
const FILTERS = [
  '{"label":["a=b"],"name":["x"]}',
  '{"status":["running"],"ancestor":["bb"]}',
  '{"dangling":["true"],"until":["1h"]}',
  '{"before":["still"],"reference":["b*"]}',
  '{"driver":{"bridge":true},"type":["custom"]}',
] as const;

const get = (path: string, query: Endpoint['query'] = {}): Endpoint => ({ method: 'GET', path, query });
const post = (path: string, query: Endpoint['query'] = {}, body?: unknown): Endpoint => ({
  method: 'POST',
  path,
  query,
  ...(body !== undefined && { body }),
});
const remove = (path: string, query: Endpoint['query'] = {}): Endpoint => ({ method: 'DELETE', path, query });
const endless = (endpoint: Endpoint): Endpoint => ({ ...endpoint, isEndless: true });

export const ENDPOINTS: readonly Endpoint[] = [
  get('/_ping'),
  get('/version'),
  get('/info'),
  get('/system/df', { type: ['image', 'container', 'volume', 'build-cache'], verbose: FLAG }),
  endless(get('/events', { since: ['0', '1700000000.5'], until: ['1', '9999999999'], filters: FILTERS })),
  get('/containers/json', { all: FLAG, limit: NUMBER, size: FLAG, filters: FILTERS }),
  post('/containers/create', { name: ['fuzzed', 'a', ''], platform: PLATFORM }, CONTAINER),
  post('/containers/create', { name: ['fuzzed', 'b', ''] }, CONTAINER),
  get('/containers/:container/json', { size: FLAG }),
  get('/containers/:container/top', { ps_args: ['aux', '-eo pid,comm', '-o'] }),
  get('/containers/:container/changes'),
  get('/containers/:container/export'),
  endless(get('/containers/:container/stats', { stream: FLAG, 'one-shot': FLAG })),
  endless(
    get('/containers/:container/logs', {
      stdout: FLAG,
      stderr: FLAG,
      follow: FLAG,
      tail: ['all', '1', '-1'],
      since: ['0', '10m'],
      until: ['1700000000'],
      timestamps: FLAG,
      details: FLAG,
    }),
  ),
  endless(
    post('/containers/:container/attach', {
      stream: FLAG,
      logs: FLAG,
      stdout: FLAG,
      stdin: FLAG,
      detachKeys: ['ctrl-p', 'a'],
    }),
  ),
  endless(post('/containers/:container/wait', { condition: ['not-running', 'next-exit', 'removed'] })),
  post('/containers/:container/start', { detachKeys: ['ctrl-p'] }),
  post('/containers/:container/stop', { t: ['0', '1'], signal: ['KILL', 'SIGTERM', '9'] }),
  post('/containers/:container/restart', { t: ['0'], signal: ['KILL'] }),
  post('/containers/:container/kill', { signal: ['KILL', 'SIGUSR1', '0', '64'] }),
  post('/containers/:container/pause'),
  post('/containers/:container/unpause'),
  post('/containers/:container/rename', { name: ['renamed', '/renamed'] }),
  post('/containers/:container/resize', { h: NUMBER, w: NUMBER }),
  post('/containers/:container/update', {}, UPDATE),
  post('/containers/:container/exec', {}, EXEC),
  post('/exec/none/start', {}, { Detach: true, Tty: false }),
  post('/exec/none/resize', { h: NUMBER, w: NUMBER }),
  get('/exec/none/json'),
  remove('/containers/:container', { force: FLAG, v: FLAG, link: FLAG }),
  post('/containers/prune', { filters: FILTERS }),
  {
    method: 'HEAD',
    path: '/containers/:container/archive',
    query: { path: ['/', '/etc', '.', '/proc/self'] },
  },
  get('/containers/:container/archive', { path: ['/etc', '.', '/bin/busybox'] }),
  post(
    '/commit',
    { container: ['still'], repo: ['made'], tag: ['1'], changes: ['ENV A=b', 'CMD ["x"]'] },
    CONTAINER,
  ),
  get('/images/json', { all: FLAG, digests: FLAG, 'shared-size': FLAG, manifests: FLAG, filters: FILTERS }),
  get('/images/:image/json', { manifests: FLAG, platform: PLATFORM }),
  get('/images/:image/history', { platform: PLATFORM }),
  get('/images/:image/attestations', { platform: PLATFORM, type: ['x'], statement: FLAG }),
  get('/images/:image/explore', { files: FLAG }),
  get('/images/:image/get', { platform: PLATFORM }),
  get('/images/get', { names: ['bb', 'nosuch'], platform: PLATFORM }),
  post('/images/:image/tag', { repo: ['tagged', '127.0.0.1:1/x'], tag: ['1', 'latest'] }),
  remove('/images/:image', { force: FLAG, noprune: FLAG, platforms: PLATFORM }),
  post('/images/prune', { filters: FILTERS }),
  post('/images/gc', { 'dry-run': ['1'], 'max-size': NUMBER, 'min-age': ['1h'], keep: ['label=a'] }),
  post('/build/prune', { all: FLAG, 'keep-storage': NUMBER, filters: FILTERS }),
  post('/build/cancel', { id: ['x'] }),
  get('/volumes', { filters: FILTERS }),
  post('/volumes/create', {}, VOLUME),
  get('/volumes/:volume'),
  remove('/volumes/:volume', { force: FLAG }),
  post('/volumes/prune', { filters: FILTERS }),
  get('/networks', { filters: FILTERS }),
  get('/networks/:network', { verbose: FLAG, scope: ['local'] }),
  post('/networks/create', {}, NETWORK),
  post('/networks/:network/connect', {}, { Container: 'still', EndpointConfig: { Aliases: ['x'] } }),
  post('/networks/:network/disconnect', {}, { Container: 'still', Force: true }),
  remove('/networks/:network'),
  post('/networks/prune', { filters: FILTERS }),
];

/** Texts of these fields of a container name files and networks of the host: only wholes are changed. */
export const WHOLE_FIELDS: ReadonlySet<string> = new Set([
  'Binds',
  'Mounts',
  'Source',
  'Type',
  'Target',
  'Volumes',
  'Devices',
  'PathOnHost',
  'VolumesFrom',
  'NetworkMode',
  'PidMode',
  'IpcMode',
  'UTSMode',
  'CgroupParent',
  'Sysctls',
  'Driver',
  'DriverOpts',
  'Options',
  'Subnet',
  'LogConfig',
]);

/** Requests that make no sense, generated: every kind of mistake for every place where it can be made. */
import { create, discard, post, remove, type Scenario, type Step } from '../scenario.ts';

type Kind = 'text' | 'flag' | 'number' | 'texts' | 'map' | 'set' | 'objects' | 'object';

/** Values of the wrong type for a field. */
const WRONG: Readonly<Record<Kind, readonly unknown[]>> = {
  text: [3, true, [], {}],
  flag: ['x', 1, [], {}],
  number: ['x', 1.5, 1e30, true, []],
  texts: ['x', 3, [1], [null, {}], {}],
  map: ['x', 3, ['a'], { a: 1 }],
  set: ['x', 3, ['a'], { a: 1 }],
  objects: ['x', 3, ['a'], {}],
  object: ['x', 3, []],
};

const CONFIG: Readonly<Record<string, Kind>> = {
  Hostname: 'text',
  Domainname: 'text',
  User: 'text',
  AttachStdin: 'flag',
  AttachStdout: 'flag',
  AttachStderr: 'flag',
  ExposedPorts: 'set',
  Tty: 'flag',
  OpenStdin: 'flag',
  StdinOnce: 'flag',
  Env: 'texts',
  Healthcheck: 'object',
  Image: 'text',
  Volumes: 'set',
  WorkingDir: 'text',
  NetworkDisabled: 'flag',
  OnBuild: 'texts',
  Labels: 'map',
  StopSignal: 'text',
  StopTimeout: 'number',
  HostConfig: 'object',
  NetworkingConfig: 'object',
};

const HOST_CONFIG: Readonly<Record<string, Kind>> = {
  Binds: 'texts',
  ContainerIDFile: 'text',
  LogConfig: 'object',
  NetworkMode: 'text',
  PortBindings: 'object',
  RestartPolicy: 'object',
  AutoRemove: 'flag',
  VolumeDriver: 'text',
  VolumesFrom: 'texts',
  CapAdd: 'texts',
  CapDrop: 'texts',
  CgroupnsMode: 'text',
  Dns: 'texts',
  DnsOptions: 'texts',
  DnsSearch: 'texts',
  ExtraHosts: 'texts',
  GroupAdd: 'texts',
  IpcMode: 'text',
  Links: 'texts',
  OomScoreAdj: 'number',
  PidMode: 'text',
  Privileged: 'flag',
  PublishAllPorts: 'flag',
  ReadonlyRootfs: 'flag',
  SecurityOpt: 'texts',
  StorageOpt: 'map',
  Tmpfs: 'map',
  UTSMode: 'text',
  UsernsMode: 'text',
  ShmSize: 'number',
  Sysctls: 'map',
  Runtime: 'text',
  CpuShares: 'number',
  Memory: 'number',
  NanoCpus: 'number',
  CgroupParent: 'text',
  BlkioWeight: 'number',
  BlkioWeightDevice: 'objects',
  BlkioDeviceReadBps: 'objects',
  CpuPeriod: 'number',
  CpuQuota: 'number',
  CpusetCpus: 'text',
  CpusetMems: 'text',
  Devices: 'objects',
  DeviceCgroupRules: 'texts',
  DeviceRequests: 'objects',
  MemoryReservation: 'number',
  MemorySwap: 'number',
  MemorySwappiness: 'number',
  OomKillDisable: 'flag',
  PidsLimit: 'number',
  Ulimits: 'objects',
  Mounts: 'objects',
  MaskedPaths: 'texts',
  ReadonlyPaths: 'texts',
  Init: 'flag',
};

const EXEC: Readonly<Record<string, Kind>> = {
  User: 'text',
  Privileged: 'flag',
  Tty: 'flag',
  AttachStdin: 'flag',
  AttachStdout: 'flag',
  AttachStderr: 'flag',
  Detach: 'flag',
  DetachKeys: 'text',
  Env: 'texts',
  WorkingDir: 'text',
  Cmd: 'texts',
};

const VOLUME: Readonly<Record<string, Kind>> = {
  Name: 'text',
  Driver: 'text',
  DriverOpts: 'map',
  Labels: 'map',
};

function mistyped(fields: Readonly<Record<string, Kind>>, send: (body: object) => Step): readonly Step[] {
  return Object.entries(fields).flatMap(([name, kind]) =>
    WRONG[kind].map((value) => send({ [name]: value })),
  );
}

const made = (body: object): Step =>
  post('/containers/create', { Image: 'bb', Cmd: ['true'], ...body }, { discards: true });

/** Bodies that are no JSON, or not of an object. */
const BODIES = ['', '{', '}', 'null', '[]', '"x"', '3', '{} x', '{"a":}', '{"a":1,}', 'nope', '\u0000'];

const WITH_BODIES = [
  '/containers/create',
  '/containers/wrong/exec',
  '/containers/wrong/update',
  '/volumes/create',
  '/commit?container=nope',
];

const TYPES = ['text/plain', 'application/json; charset=utf-8', 'application/jsonx', 'x', 'application/JSON'];

const bodySteps = WITH_BODIES.flatMap((path) => [
  ...BODIES.map((body) => post(path, body, { discards: true })),
  ...TYPES.map((type) =>
    post(path, '{"Image":"nope"}', { headers: { 'Content-Type': type }, discards: true }),
  ),
]);

/** Every endpoint of a thing that has a name. */
const NAMED: readonly Omit<Step, never>[] = [
  ...['json', 'top', 'logs?stdout=1', 'changes', 'stats?stream=0', 'archive?path=/', 'export'].map(
    (verb): Step => ({ method: 'GET', path: `/containers/NAME/${verb}` }),
  ),
  ...['start', 'stop', 'restart', 'kill', 'pause', 'unpause', 'rename?name=zz', 'wait', 'resize?h=1&w=1'].map(
    (verb): Step => ({ method: 'POST', path: `/containers/NAME/${verb}` }),
  ),
  post('/containers/NAME/exec', { Cmd: ['true'] }),
  post('/containers/NAME/update', {}),
  post('/containers/NAME/attach?stdout=1'),
  { method: 'HEAD', path: '/containers/NAME/archive?path=/' },
  { method: 'PUT', path: '/containers/NAME/archive?path=/', body: Buffer.alloc(1024) },
  { method: 'DELETE', path: '/containers/NAME' },
  { method: 'GET', path: '/exec/NAME/json' },
  post('/exec/NAME/start', {}),
  { method: 'POST', path: '/exec/NAME/resize?h=1&w=1' },
  { method: 'GET', path: '/images/NAME/json' },
  { method: 'GET', path: '/images/NAME/history' },
  { method: 'GET', path: '/images/NAME/get' },
  { method: 'POST', path: '/images/NAME/tag?repo=zz' },
  { method: 'DELETE', path: '/images/NAME' },
  { method: 'GET', path: '/volumes/NAME' },
  { method: 'DELETE', path: '/volumes/NAME' },
  { method: 'GET', path: '/networks/NAME' },
  { method: 'DELETE', path: '/networks/NAME' },
  { method: 'GET', path: '/plugins/NAME/json' },
];

const NAMES = ['nope', 'UPPER', 'a:b', 'a%2Fb', '..', '%20', 'a@b', '-x', 'f'.repeat(64), 'zz'];

const unknownNames = NAMES.flatMap((name) =>
  NAMED.map((step): Step => ({ ...step, path: step.path.replace('NAME', name) })),
);

const FILTERS = [
  'x',
  '[]',
  '3',
  '""',
  '{"nope":["a"]}',
  '{"nope":{"a":true}}',
  '{"label":5}',
  '{"label":[5]}',
  '{"label":{"a":"b"}}',
  '{"label":{"a":false}}',
  '{"label":null}',
  '{"label":[""]}',
  '{"status":["nope"]}',
  '{"dangling":["zz"]}',
  '{"dangling":["true","false"]}',
  '{"until":["zz"]}',
  '{"until":["1h","2h"]}',
  '{"before":["nope"]}',
  '{"since":["nope"]}',
  '{"exited":["x"]}',
  '{"health":["nope"]}',
  '{"ancestor":["nope"]}',
  '{"type":["nope"]}',
  '{"scope":["nope"]}',
  '{"driver":["nope"]}',
  '{"all":["zz"]}',
  '{"is-task":["zz"]}',
  '{"isolation":["zz"]}',
  '{"publish":["zz"]}',
  '{"expose":["80/zz"]}',
  '{"publish":["0-70000"]}',
  '{"network":["nope"]}',
  '{"volume":["nope"]}',
  '{"reference":["["]}',
  '{"name":["["]}',
  '{"id":["zz"]}',
];

const FILTERED: readonly (readonly ['GET' | 'POST', string])[] = [
  ['GET', '/containers/json?all=1'],
  ['GET', '/images/json?x=1'],
  ['GET', '/volumes?x=1'],
  ['GET', '/networks?x=1'],
  ['GET', '/events?since=1&until=2'],
  ['POST', '/networks/prune?x=1'],
  ['POST', '/build/prune?x=1'],
];

const badFilters = FILTERED.flatMap(([method, path]) =>
  FILTERS.map((filter): Step => ({ method, path: `${path}&filters=${encodeURIComponent(filter)}` })),
);

/** Prunes with filters that fit nothing, so that nothing goes. */
const badPrunes = ['containers', 'images', 'volumes'].flatMap((things) =>
  FILTERS.filter((filter) => !/"label":(?:null|\{"a":false)|^3$|^""$/.test(filter)).map(
    (filter): Step => ({
      method: 'POST',
      path: `/${things}/prune?filters=${encodeURIComponent(filter)}`,
    }),
  ),
);

const NUMBERS = ['x', '-1', '1.5', '1e3', '0x10', '70000', '99999999999999999999', '%20', '+1'];

const NUMBERED: readonly (readonly ['GET' | 'POST', string])[] = [
  ['GET', '/containers/json?all=1&limit='],
  ['POST', '/containers/wrong/stop?t='],
  ['POST', '/containers/wrong/resize?w=1&h='],
  ['POST', '/containers/wrong/resize?h=1&w='],
  ['GET', '/containers/wrong/logs?stdout=1&tail='],
  ['GET', '/containers/wrong/logs?stdout=1&since='],
  ['GET', '/containers/wrong/logs?stdout=1&until='],
  ['GET', '/events?until=2&since='],
  ['GET', '/images/search?term=x&limit='],
];

const badNumbers = NUMBERED.flatMap(([method, path]) =>
  NUMBERS.map((number): Step => ({ method, path: `${path}${number}` })),
);

const FLAGS = ['x', 'True', 'no', 'none', '2', '%20', ''];

const flags = FLAGS.flatMap((flag): readonly Step[] => [
  { method: 'GET', path: `/containers/json?all=${flag}` },
  { method: 'GET', path: `/images/json?all=${flag}` },
  { method: 'GET', path: `/containers/wrong/logs?stdout=${flag}` },
]);

const NAMES_OF_CONTAINERS = [
  'a',
  '-a',
  '_aa',
  'a b',
  'a/b',
  '/ok-name',
  'é',
  'a'.repeat(300),
  'wrong',
  '..',
  '.a',
];

const badNames = NAMES_OF_CONTAINERS.map((name) =>
  post(
    `/containers/create?name=${encodeURIComponent(name)}`,
    { Image: 'bb', Cmd: ['true'] },
    { discards: true },
  ),
);

const VERSIONS = ['1.45'];

/** The container that many of them are about. */
function aboutOne(name: string, steps: readonly Step[]): Scenario {
  return {
    name: `wrong: ${name}`,
    versions: VERSIONS,
    steps: [create('wrong'), ...steps, ...discard('wrong')],
  };
}

export const wrongCalls: readonly Scenario[] = [
  aboutOne('types in a configuration', mistyped(CONFIG, made)),
  aboutOne(
    'types in a host configuration',
    mistyped(HOST_CONFIG, (HostConfig) => made({ HostConfig })),
  ),
  aboutOne(
    'types in execs',
    mistyped(EXEC, (body) => post('/containers/wrong/exec', { Cmd: ['true'], ...body })),
  ),
  {
    name: 'wrong: types in volumes',
    versions: VERSIONS,
    steps: [
      ...mistyped(VOLUME, (body) => post('/volumes/create', { Name: 'mistyped', ...body })),
      remove('/volumes/mistyped'),
    ],
  },
  aboutOne('bodies', bodySteps),
  aboutOne('names', unknownNames),
  aboutOne('names of containers', badNames),
  aboutOne('filters', badFilters),
  { name: 'wrong: prunes', versions: VERSIONS, steps: badPrunes },
  aboutOne('numbers', badNumbers),
  aboutOne('flags', flags),
];

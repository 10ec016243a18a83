import { create, discard, get, post, put, remove, type Scenario } from '../scenario.ts';

export const volumeScenarios: readonly Scenario[] = [
  {
    name: 'volumes',
    versions: ['1.24', '1.41', '1.45'],
    steps: [
      post('/volumes/create', { Name: 'vol-a', Labels: { a: 'b' } }),
      post('/volumes/create', { Name: 'vol-a', Labels: { a: 'c' } }),
      post('/volumes/create', {
        Name: 'vol-b',
        DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' },
      }),
      get('/volumes/vol-a'),
      get('/volumes/vol-b'),
      get('/volumes'),
      get('/volumes?filters={"label":["a=b"]}'),
      get('/volumes?filters={"name":["vol-"]}'),
      get('/volumes?filters={"dangling":["true"]}'),
      get('/volumes?filters={"driver":["local"]}'),
      create('vol-c', {}, { Binds: ['vol-a:/v:ro'] }),
      get('/containers/vol-c/json'),
      get('/containers/json?all=1&filters={"volume":["vol-a"]}'),
      get('/volumes?filters={"dangling":["false"]}'),
      remove('/volumes/vol-a'),
      remove('/volumes/vol-a?force=1'),
      put('/volumes/vol-a', {}),
      ...discard('vol-c'),
      remove('/volumes/vol-a'),
      remove('/volumes/vol-a'),
      remove('/volumes/vol-a?force=1'),
      remove('/volumes/vol-b'),
    ],
  },
  {
    name: 'pruned volumes',
    versions: ['1.41', '1.45'],
    steps: [
      post('/volumes/create', { Name: 'pruned-a' }),
      post('/volumes/prune?filters={"label!":["x"]}'),
      post('/volumes/prune?filters={"all":["1"],"label":["x"]}'),
      post('/volumes/prune?filters={"all":["1"]}'),
      get('/volumes'),
    ],
  },
  {
    name: 'mounts',
    steps: [
      create(
        'mounts-a',
        {},
        {
          Binds: ['/tmp:/host:ro', 'mounts-v:/named'],
          Tmpfs: { '/t': 'size=1m' },
          Mounts: [
            { Type: 'tmpfs', Target: '/u', TmpfsOptions: { SizeBytes: 65536 } },
            { Type: 'volume', Target: '/x' },
            {
              Type: 'bind',
              Source: '/var',
              Target: '/y',
              ReadOnly: true,
              BindOptions: { Propagation: 'rslave' },
            },
          ],
        },
      ),
      get('/containers/mounts-a/json'),
      ...discard('mounts-a'),
      remove('/volumes/mounts-v'),
    ],
  },
];

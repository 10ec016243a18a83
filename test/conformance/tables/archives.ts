/** Archives into and out of containers and images. */
import { busyboxRootTar } from '../../fixtures/busybox-image.ts';
import { tarOf } from '../../fixtures/tar.ts';
import { create, discard, get, head, post, put, remove, type Scenario, type Step } from '../scenario.ts';

const TAR = { headers: { 'Content-Type': 'application/x-tar' } };

const FILES = tarOf(
  { path: 'new/', mode: 0o750 },
  { path: 'new/file', content: 'hello', mode: 0o640 },
  { path: 'new/link', type: 'symlink', linkName: 'file', mode: 0o777 },
);

const FILE_OVER_DIRECTORY = tarOf({ path: 'tmp', content: 'x', mode: 0o644 });

/** Names that lead out, and bytes that are no archive. */
const HOSTILE: readonly Buffer[] = [
  tarOf({ path: '../out', content: 'x', mode: 0o644 }),
  tarOf({ path: '/absolute', content: 'x', mode: 0o644 }),
  Buffer.from('this is no archive'.repeat(100)),
  Buffer.alloc(0),
  Buffer.alloc(1024),
  FILES.subarray(0, 700),
];

const putTar = (path: string, tar: Buffer): Step => put(path, tar, TAR);

/** The same requests in each state of a container. */
function copies(name: string): readonly Step[] {
  return [
    putTar(`/containers/${name}/archive?path=/tmp`, FILES),
    head(`/containers/${name}/archive?path=/tmp/new`),
    head(`/containers/${name}/archive?path=/tmp/new/link`),
    get(`/containers/${name}/archive?path=/tmp/new`),
    get(`/containers/${name}/archive?path=/tmp/new/.`),
    get(`/containers/${name}/archive?path=/tmp/new/link`),
    putTar(`/containers/${name}/archive?path=/nope`, FILES),
    putTar(`/containers/${name}/archive?path=/etc/passwd`, FILES),
    putTar(`/containers/${name}/archive?path=/&noOverwriteDirNonDir=1`, FILE_OVER_DIRECTORY),
    put(`/containers/${name}/archive?path=`, FILES, TAR),
    put(`/containers/${name}/archive`, FILES, TAR),
    get(`/containers/${name}/archive?path=`),
    head(`/containers/${name}/archive`),
    ...HOSTILE.map((tar) => putTar(`/containers/${name}/archive?path=/data`, tar)),
    get(`/containers/${name}/archive?path=/data`),
  ];
}

export const archiveScenarios: readonly Scenario[] = [
  {
    name: 'copies with a container that was never started',
    steps: [create('copy-a'), ...copies('copy-a'), ...discard('copy-a')],
  },
  {
    name: 'copies with a container that runs',
    steps: [create('copy-b'), post('/containers/copy-b/start'), ...copies('copy-b'), ...discard('copy-b')],
  },
  {
    name: 'copies with a container that has ended',
    steps: [
      create('copy-c', { Cmd: ['true'] }),
      post('/containers/copy-c/start'),
      post('/containers/copy-c/wait'),
      ...copies('copy-c'),
      get('/containers/copy-c/changes'),
      ...discard('copy-c'),
    ],
  },
  {
    name: 'copies with volumes',
    steps: [
      create('copy-d', {}, { Binds: ['copy-v:/vol', 'copy-w:/ro:ro'], ReadonlyRootfs: true }),
      putTar('/containers/copy-d/archive?path=/vol', FILES),
      get('/containers/copy-d/archive?path=/vol'),
      putTar('/containers/copy-d/archive?path=/ro', FILES),
      putTar('/containers/copy-d/archive?path=/tmp', FILES),
      ...discard('copy-d'),
      remove('/volumes/copy-v'),
      remove('/volumes/copy-w'),
    ],
  },
  {
    name: 'import and load',
    steps: [
      post('/images/create?fromSrc=-&repo=imported&tag=1&message=why', busyboxRootTar(), TAR),
      get('/images/imported:1/json'),
      get('/images/imported:1/history'),
      post(
        '/images/create?fromSrc=-&repo=imported&tag=2&changes=CMD%20%5B%22sh%22%5D',
        busyboxRootTar(),
        TAR,
      ),
      get('/images/imported:2/json'),
      post('/images/create?fromSrc=-&changes=NONSENSE', busyboxRootTar(), TAR),
      post('/images/create?fromSrc=-&repo=UPPER', busyboxRootTar(), TAR),
      post('/images/create?fromSrc=-&repo=imported&platform=nope/nope', busyboxRootTar(), TAR),
      remove('/images/imported:1'),
      remove('/images/imported:2'),
      post('/images/create'),
      post('/images/create?fromImage='),
      post('/images/create?fromImage=UPPER'),
      post('/images/create?fromImage=a%20b'),
      post('/images/create?fromImage=x&tag=a%20b'),
      post('/images/create?fromImage=x&platform=a/b/c/d'),
      get('/images/get'),
      get('/images/get?names='),
      get('/images/get?names=nope'),
      get('/images/get?names=bb&names=nope'),
    ],
  },
  {
    name: 'changes of a commit',
    steps: [
      create('change-a', { Cmd: ['sh'] }),
      ...[
        'ENV A=B C=D',
        'ENV A B',
        'ENV A',
        'CMD ["x","y"]',
        'CMD x y',
        'CMD',
        'ENTRYPOINT ["x"]',
        'LABEL a=b',
        'LABEL a',
        'EXPOSE 80 90/udp',
        'EXPOSE nope',
        'WORKDIR /w',
        'WORKDIR relative',
        'USER u',
        'VOLUME /v',
        'VOLUME ["/a","/b"]',
        'STOPSIGNAL SIGTERM',
        'STOPSIGNAL nonsense',
        'HEALTHCHECK NONE',
        'HEALTHCHECK CMD true',
        'HEALTHCHECK --interval=x CMD true',
        'ONBUILD RUN true',
        'ONBUILD FROM x',
        'RUN true',
        'COPY a b',
        'FROM x',
        'NONSENSE x',
        '',
        ' ',
        '# comment',
        'SHELL ["a"]',
        'SHELL a',
        'MAINTAINER me',
        'ARG a',
      ].flatMap((change) => [
        post(`/commit?container=change-a&repo=changed&changes=${encodeURIComponent(change)}`, {}),
        get('/images/changed/json'),
        remove('/images/changed'),
      ]),
      ...discard('change-a'),
    ],
  },
  {
    name: 'events of prunes',
    steps: [
      create('pruned-c', { Labels: { goes: 'now' } }),
      post('/volumes/create', { Name: 'pruned-v', Labels: { goes: 'now' } }),
      post('/containers/prune?filters={"label":["goes=now"]}'),
      post('/volumes/prune?filters={"label":["goes=now"],"all":["1"]}'),
      post('/images/prune?filters={"label":["goes=now"]}'),
      post('/networks/prune?filters={"label":["goes=now"]}'),
      post('/build/prune'),
      get('/events?since={start}&until={now}&filters={"event":["prune"]}', { until: /"builder"/ }),
    ],
  },
];

/** Builds of the classic wire that cannot be. */
import { tarOf } from '../../fixtures/tar.ts';
import { post, type Scenario, type Step } from '../scenario.ts';

const TAR = { headers: { 'Content-Type': 'application/x-tar' } };

const context = (Dockerfile: string): Buffer =>
  tarOf(
    { path: 'Dockerfile', content: Dockerfile, mode: 0o644 },
    { path: 'file', content: 'x', mode: 0o644 },
  );

const GOOD = context('FROM bb\nLABEL a=b\n');

const build = (query: string, body: Buffer | string = GOOD): Step => post(`/build?${query}`, body, TAR);

const QUERIES: readonly string[] = [
  't=UPPER',
  't=a%20b',
  't=a:b:c',
  'dockerfile=nope',
  'dockerfile=../nope',
  'buildargs=x',
  'buildargs=[]',
  'buildargs={"a":1}',
  'labels=x',
  'labels=[]',
  'cachefrom=x',
  'cachefrom={}',
  'ulimits=x',
  'ulimits={}',
  'memory=x',
  'memswap=x',
  'cpushares=x',
  'platform=nope',
  'platform=linux/nope/x/y',
  'version=3',
  'target=nope',
  'networkmode=container:nope',
  'remote=nope',
  'remote=http://127.0.0.1:1/x',
  'isolation=nope',
  'securityopt=["nope"]',
];

const DOCKERFILES: readonly string[] = [
  '',
  '# nothing',
  'NONSENSE',
  'RUN true',
  'FROM',
  'FROM a b',
  'FROM UPPER',
  'FROM bb\nNONSENSE x',
  'FROM bb\nCOPY',
  'FROM bb\nCOPY a',
  'FROM bb\nCOPY nope /x',
  'FROM bb\nCOPY ../x /x',
  'FROM bb\nENV A',
  'FROM bb\nLABEL a',
  'FROM bb\nEXPOSE nope',
  'FROM bb\nWORKDIR',
  'FROM bb\nSTOPSIGNAL nope',
  'FROM bb\nVOLUME',
  'FROM bb\nHEALTHCHECK nope',
  'FROM bb\nONBUILD FROM x',
  'FROM bb\nARG',
  'FROM bb\nUSER',
  'FROM bb\nSHELL a',
  'FROM bb\nENTRYPOINT []',
];

export const buildScenarios: readonly Scenario[] = [
  { name: 'wrong: parameters of builds', steps: QUERIES.map((query) => build(`version=1&q=1&${query}`)) },
  {
    name: 'wrong: Dockerfiles',
    steps: DOCKERFILES.map((dockerfile) => build('version=1&q=1', context(dockerfile))),
  },
  {
    name: 'wrong: contexts',
    steps: [
      build('version=1&q=1', Buffer.alloc(0)),
      build('version=1&q=1', Buffer.from('this is no archive'.repeat(100))),
      build('version=1&q=1', GOOD.subarray(0, 700)),
      build('version=1&q=1', tarOf({ path: 'file', content: 'x', mode: 0o644 })),
    ],
  },
];

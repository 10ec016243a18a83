/** Builds over the engine's own wire, whose client is in the test: it may act in the middle of whatever it is asked. */
import { memoryDirectory } from '../../src/client/build/directory-provider.ts';
import { buildImage, type BuildClientEvent } from '../../src/client/build/build-client.ts';
import type { BuildProviders, DirectoryProvider } from '../../src/client/build/providers.ts';
import { createClient } from '../../src/client/client.ts';
import type { WireBuildEvent } from '../../src/wire/build-session.ts';
import type { WireBuildRequest } from '../../src/wire/build-request.ts';
import type { Subject } from '../support/subject.ts';

export interface WireBuildWish extends Partial<WireBuildRequest> {
  readonly Dockerfile: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly providers?: Partial<BuildProviders>;
  /** Directories beside the context and the Dockerfile's. */
  readonly directories?: Readonly<Record<string, DirectoryProvider>>;
  readonly onEvent?: (event: WireBuildEvent, data: Buffer) => void;
}

export interface WireBuilt {
  readonly id: string | undefined;
  /** Names of the steps that came from the cache. */
  readonly cached: readonly string[];
  /** What commands said. */
  readonly output: string;
}

type Built = Extract<WireBuildEvent, { readonly type: 'built' }>;

/** @throws what the engine or the connection says */
export async function wireBuild(engine: Subject, wish: WireBuildWish): Promise<WireBuilt> {
  using client = createClient({ host: engine.host });
  const cached = new Set<string>();
  let output = '';
  let built: Built | undefined;
  for await (const { event, data } of events(client, wish)) {
    wish.onEvent?.(event, data);
    if (event.type === 'vertex' && event.vertex.cached) cached.add(event.vertex.name);
    if (event.type === 'vertex-output') output += data.toString();
    if (event.type === 'built') built = event;
  }
  return { id: built?.id, cached: [...cached], output };
}

/** Files in memory, sent as those on a disk are: piece by piece. */
export function filesInMemory(files: Readonly<Record<string, string | Buffer>>): DirectoryProvider {
  const bytes = Object.entries(files).map(([path, content]) => [path, Buffer.from(content)] as const);
  const whole = memoryDirectory(new Map(bytes));
  return {
    list: (...asked) => whole.list(...asked),
    *read(entry) {
      for (const file of whole.read(entry))
        for (let at = 0; at < file.length; at += PIECE_BYTES) yield file.subarray(at, at + PIECE_BYTES);
    },
  };
}

const PIECE_BYTES = 1 << 18;

function events(
  client: ReturnType<typeof createClient>,
  { Dockerfile, files = {}, providers, directories = {}, ...request }: WireBuildWish,
): AsyncGenerator<BuildClientEvent, void> {
  const served = new Map<string, DirectoryProvider>([
    ['dockerfile', filesInMemory({ Dockerfile })],
    ['context', filesInMemory(files)],
    ...Object.entries(directories),
  ]);
  return buildImage(client, { ...PLAIN, ...request }, { ...NOTHING, directories: served, ...providers });
}

const PLAIN: WireBuildRequest = {
  sharedKey: '',
  context: '',
  namedContexts: {},
  dockerfile: 'Dockerfile',
  hasDockerfile: true,
  target: '',
  buildArgs: {},
  labels: {},
  references: [],
  noCache: false,
  noCacheStages: [],
  pull: false,
  squash: false,
  platforms: [],
  hostConfig: { NetworkMode: 'none' },
  entitlements: [],
  outputs: [],
  cacheFrom: [],
  cacheTo: [],
  attestations: {},
  subrequest: '',
};

function refuse(): never {
  throw new Error('this client has none');
}

const NOTHING: Omit<BuildProviders, 'directories'> = {
  secret: () => Promise.resolve(undefined),
  hasSshAgent: () => false,
  openSshAgent: refuse,
  credentials: () => Promise.resolve(undefined),
  createFile: refuse,
  createTree: refuse,
};

/**
 * Builds that come to a point in the middle of one kind of work and cannot get beyond it before the test has acted:
 * what they wait for is in its hands.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { DirectorySink } from '../../src/cli/build/output-files.ts';
import { diskDirectory } from '../../src/client/build/directory-provider.ts';
import type { DirectoryProvider, FileSink, TreeSink } from '../../src/client/build/providers.ts';
import type { Subject } from '../support/subject.ts';
import { HoldingRegistry, type PassingRequest } from './holding-registry.ts';
import { filesInMemory, wireBuild, type WireBuildWish } from './wire-build.ts';

/** More than sockets and streams hold, so that it cannot have been sent early. */
export const BIG_BYTES = 4 << 20;

/** Acts; resolves when that is done. To be called as often as one likes. */
export type Reached = () => Promise<void>;

/** What the builds of the stages talk to besides their engine. */
export class StagePlace implements AsyncDisposable {
  readonly directory = mkdtempSync('/tmp/caisson-stages-');
  readonly registry: HoldingRegistry;
  /** Noise: it stays as large when it is compressed. */
  readonly big = randomBytes(BIG_BYTES);
  readonly #files: Server;
  readonly #held = new Set<ServerResponse>();
  /** Called when a file was asked for and half of it is sent; the other half does not come. Undefined: it does. */
  onAsked: (() => void) | undefined;

  private constructor(registry: HoldingRegistry, files: Server) {
    this.registry = registry;
    this.#files = files;
    files.on('request', ({ url = '' }, response: ServerResponse) => this.#serve(url, response));
  }

  static async start(): Promise<StagePlace> {
    const files = createServer();
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
    return new StagePlace(await HoldingRegistry.start(), files);
  }

  get origin(): string {
    const address = this.#files.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  name(repository: string): string {
    return `${this.registry.address}/held/${repository}:1`;
  }

  /** A repository of git with the large file. @returns its URL */
  repository(): string {
    const directory = join(this.directory, 'repository');
    mkdirSync(directory);
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-C', directory, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        stdio: 'ignore',
      });
    git('init', '--quiet');
    writeFileSync(join(directory, 'big'), this.big);
    git('add', 'big');
    git('commit', '--quiet', '-m', 'big');
    git('update-server-info');
    return `${this.origin}/repository/.git`;
  }

  /** Held requests whose clients are still there. */
  get heldRequests(): number {
    return this.registry.heldRequests + this.#held.size;
  }

  /** Whatever is held comes to an end, and nothing is held any more. */
  letGo(): void {
    this.onAsked = undefined;
    this.#files.closeAllConnections();
    this.registry.letGo();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    this.#files.close();
    await this.registry[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #serve(url: string, response: ServerResponse): void {
    const [path = ''] = url.split('?');
    try {
      const content = path === '/big' ? this.big : readFileSync(join(this.directory, path));
      if (!this.onAsked || content.length < BIG_BYTES / 2) response.end(content);
      else this.#hold(response, content);
    } catch {
      response.writeHead(404).end();
    }
  }

  #hold(response: ServerResponse, content: Buffer): void {
    this.#held.add(response);
    response.once('close', () => this.#held.delete(response));
    response.write(content.subarray(0, content.length / 2), () => this.onAsked?.());
  }
}

export interface Stage {
  readonly title: string;
  /** What has to be there before. */
  readonly prepare?: (place: StagePlace, engine: Subject) => Promise<void>;
  /** Builds that run at once; one calls `reached` in its middle. */
  readonly builds: (place: StagePlace, reached: Reached) => readonly WireBuildWish[];
  /** The same build without an end to come to but an image. */
  readonly again: (place: StagePlace) => WireBuildWish;
  /** How many of its steps come from the cache then. */
  readonly cached: number;
  /** What has come of a download is kept for a day, and taken up again. */
  readonly isResumed?: boolean;
}

const output = (type: string, attributes: Readonly<Record<string, string>> = {}) => ({ type, attributes });

/** A command, and a copy of the large file. */
function copied({ big }: StagePlace, title: string): WireBuildWish {
  const Dockerfile = 'FROM bb\nARG STAGE\nRUN echo $STAGE > /step\nCOPY big /big\n';
  return { Dockerfile, files: { big }, buildArgs: { STAGE: title } };
}

/** A client that takes one chunk of a file, and no more. */
function stuckFile(reached: Reached): FileSink {
  return { write: reached, finish: () => Promise.resolve(), [Symbol.dispose]: () => undefined };
}

/** A client that never says that it has written a tree. */
function stuckTree(reached: Reached): TreeSink {
  return {
    entry: () => undefined,
    content: () => void reached(),
    finish: reached,
    [Symbol.dispose]: () => undefined,
  };
}

/** A client whose large files have come in part when `reached` is called. */
function stuckDirectory(whole: DirectoryProvider, reached: Reached): DirectoryProvider {
  return {
    list: (...asked) => whole.list(...asked),
    *read(entry) {
      let sentBytes = 0;
      for (const chunk of whole.read(entry)) {
        if (sentBytes >= BIG_BYTES / 2) void reached();
        sentBytes += chunk.length;
        yield chunk;
      }
    },
  };
}

function toClient(title: string, wanted: Partial<WireBuildWish>): Stage {
  return {
    title: `a client is sent ${title}`,
    builds: (place, reached) => [
      {
        ...copied(place, title),
        ...wanted,
        providers: { createFile: () => stuckFile(reached), createTree: () => stuckTree(reached) },
      },
    ],
    again: (place) => copied(place, title),
    cached: 2,
  };
}

type Hold = (request: PassingRequest) => boolean;

const isUpload: Hold = ({ method, path }) => /^(?:PUT|PATCH)$/.test(method) && path.includes('/uploads/');
const isManifest: Hold = ({ method, path }) => method === 'PUT' && path.includes('/manifests/');
const isLargeBlob: Hold = ({ sizeBytes }) => sizeBytes > BIG_BYTES / 2;

function held(place: StagePlace, hold: Hold, reached: Reached): void {
  place.registry.hold = hold;
  place.registry.onHeld = () => void reached();
}

function toRegistry(title: string, hold: Hold, wanted: (name: string) => Partial<WireBuildWish>): Stage {
  return {
    title: `a registry is sent ${title}`,
    builds: (place, reached) => {
      held(place, hold, reached);
      return [{ ...copied(place, title), ...wanted(place.name('out')) }];
    },
    again: (place) => copied(place, title),
    cached: 2,
  };
}

/** The engine says how far it is. */
function storing(progress: RegExp, wanted: Partial<WireBuildWish> = {}): Stage {
  const title = `an image is stored: ${progress.source}`;
  return {
    title,
    builds: (place, reached) => [
      {
        ...copied(place, title),
        references: ['stored:1'],
        ...wanted,
        onEvent: (event) => {
          if (event.type === 'vertex-progress' && progress.test(event.progress.id)) void reached();
        },
      },
    ],
    again: (place) => copied(place, title),
    cached: 2,
  };
}

function added(title: string, source: (place: StagePlace) => string): Stage {
  const wish = (place: StagePlace): WireBuildWish => ({
    Dockerfile: `FROM bb\nARG STAGE\nRUN echo $STAGE > /step\nADD ${source(place)} /\n`,
    buildArgs: { STAGE: title },
  });
  return {
    title,
    builds: (place, reached) => {
      place.onAsked = () => void reached();
      return [wish(place)];
    },
    again: wish,
    cached: 1,
  };
}

/** Where a client keeps its cache. */
const keptCache = (place: StagePlace) => join(place.directory, 'cache');
const LOCAL_CACHE = output('local', { src: 'kept', dest: 'kept', mode: 'max' });

let repository = '';

export const STAGES: readonly Stage[] = [
  toClient('a tar of files', { outputs: [output('tar')] }),
  toClient('files', { outputs: [output('local')] }),
  toClient('an OCI archive', { outputs: [output('oci')] }),
  toClient("Docker's archive", { outputs: [output('docker')] }),
  toClient('a cache', { outputs: [output('cacheonly')], cacheTo: [LOCAL_CACHE] }),
  storing(/^naming to/),
  storing(/^writing image/, { attestations: { provenance: {} } }),
  toRegistry('a layer', isUpload, (name) => ({ outputs: [output('registry', { name })] })),
  toRegistry('an image with its cache', isManifest, (name) => ({
    outputs: [output('registry', { name })],
    cacheTo: [output('inline')],
  })),
  toRegistry('a cache', isUpload, (ref) => ({
    outputs: [output('cacheonly')],
    cacheTo: [output('registry', { ref, mode: 'max' })],
  })),
  {
    title: 'a cache comes from a registry',
    prepare: async (place, engine) => {
      const cacheTo = [output('registry', { ref: place.name('cache'), mode: 'max' })];
      await wireBuild(engine, { ...copied(place, 'cache'), outputs: [output('cacheonly')], cacheTo });
    },
    builds: (place, reached) => {
      held(place, isLargeBlob, reached);
      return [{ ...copied(place, 'cache'), cacheFrom: [output('registry', { ref: place.name('cache') })] }];
    },
    again: (place) => ({
      ...copied(place, 'cache'),
      cacheFrom: [output('registry', { ref: place.name('cache') })],
    }),
    cached: 2,
    isResumed: true,
  },
  {
    title: 'a cache comes from a client',
    prepare: async (place, engine) => {
      await wireBuild(engine, {
        ...copied(place, 'cache'),
        outputs: [output('cacheonly')],
        cacheTo: [LOCAL_CACHE],
        providers: { createTree: () => new DirectorySink(keptCache(place)) },
      });
    },
    builds: (place, reached) => {
      const kept = stuckDirectory(diskDirectory(keptCache(place)), reached);
      return [{ ...copied(place, 'cache'), cacheFrom: [LOCAL_CACHE], directories: { 'cache:kept': kept } }];
    },
    again: (place) => ({
      ...copied(place, 'cache'),
      cacheFrom: [LOCAL_CACHE],
      directories: { 'cache:kept': diskDirectory(keptCache(place)) },
    }),
    cached: 2,
  },
  {
    title: 'a context comes',
    builds: (place, reached) => {
      const files = filesInMemory({ big: place.big });
      return [
        {
          ...copied(place, 'context'),
          sharedKey: 'known',
          directories: { context: stuckDirectory(files, reached) },
        },
      ];
    },
    again: (place) => ({ ...copied(place, 'context'), sharedKey: 'known' }),
    cached: 0,
  },
  {
    title: 'a base is pulled',
    prepare: async (place, engine) => {
      await wireBuild(engine, {
        ...copied(place, 'base'),
        outputs: [output('registry', { name: place.name('base') })],
      });
    },
    builds: (place, reached) => {
      held(place, isLargeBlob, reached);
      return [{ Dockerfile: `FROM ${place.name('base')}\n` }];
    },
    again: (place) => ({ Dockerfile: `FROM ${place.name('base')}\n` }),
    cached: 0,
    isResumed: true,
  },
  added('a file is fetched', (place) => `${place.origin}/big`),
  added('a repository is fetched', (place) => (repository ||= place.repository())),
  {
    title: 'two platforms are packed',
    builds: (place, reached) => [
      {
        ...copied(place, 'platforms'),
        Dockerfile: 'FROM bb AS bb\nFROM scratch\nARG TARGETARCH\nCOPY big /$TARGETARCH\n',
        platforms: ['linux/amd64', 'linux/arm64'],
        outputs: [output('oci')],
        providers: { createFile: () => stuckFile(reached) },
      },
    ],
    again: (place) => ({ ...copied(place, 'platforms') }),
    cached: 0,
  },
  {
    title: 'two builds share a step',
    builds: (place, reached) => {
      const wish = (end: string): WireBuildWish => ({
        Dockerfile: `FROM bb\nCOPY big /big\nARG STAGE\nRUN echo $STAGE > /step; echo shared; exec sleep 1000\n${end}\n`,
        files: { big: place.big },
        buildArgs: { STAGE: 'shared' },
      });
      let said = 0;
      const onEvent: WireBuildWish['onEvent'] = (_, data) => {
        if (data.includes('shared\n') && ++said === 2) void reached();
      };
      return ['ENV A=1', 'ENV A=2'].map((end) => ({ ...wish(end), onEvent }));
    },
    again: (place) => ({
      Dockerfile: 'FROM bb\nCOPY big /big\nARG STAGE\nRUN echo $STAGE > /step\n',
      files: { big: place.big },
      buildArgs: { STAGE: 'shared' },
    }),
    cached: 1,
  },
];

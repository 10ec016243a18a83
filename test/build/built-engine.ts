/** An engine in this process that builds, with a client that serves what a test gives it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex, Readable } from 'node:stream';
import type { BuildSession } from '../../src/build/session/build-session.ts';
import type { BuildEvent, BuildRequest } from '../../src/build/build.ts';
import { defaultCommandSettings } from '../../src/build/definition/command-settings.ts';
import { Engine } from '../../src/engine/index.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { type TarMember, tarOf } from '../fixtures/tar.ts';
import { lastingLeftovers, removeLeftovers, type Traces } from '../support/leftovers.ts';

export interface BuildInput extends Partial<BuildRequest> {
  readonly Dockerfile: string;
  /** Names and contents, or whole members. */
  readonly files?: Readonly<Record<string, string>> | readonly TarMember[];
}

export interface BuildResult {
  readonly id: string;
  /** What commands said. */
  readonly output: string;
  /** Texts of the steps that came from the cache. */
  readonly cached: readonly string[];
}

/** Disposing it fails on whatever it has left on the host. */
export class BuiltEngine implements AsyncDisposable {
  readonly traces: Traces;
  #engine: Engine | undefined;

  constructor() {
    const directory = mkdtempSync('/tmp/caisson-test-');
    this.traces = {
      directory,
      root: join(directory, 'root'),
      run: join(directory, 'run'),
      bridge: `cst${directory.slice(-6)}`,
    };
  }

  /** Starts an engine that has the image `bb`. */
  static async start(): Promise<BuiltEngine> {
    const built = new BuiltEngine();
    await built.restart();
    const archive = Readable.from([busyboxRootTar()]);
    await built.engine.images.import({ archive, reference: 'bb:latest' });
    return built;
  }

  get engine(): Engine {
    if (!this.#engine) throw new Error('the engine is not running');
    return this.#engine;
  }

  async restart(): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
    const { root, run, bridge } = this.traces;
    this.#engine = await Engine.start({ root, run, bridge, networkPoolSize: 1 });
  }

  async build(input: BuildInput): Promise<BuildResult> {
    const output: Buffer[] = [];
    const cached: string[] = [];
    let step = '';
    let id = '';
    for await (const event of this.events(input)) {
      if (event.type === 'step') step = event.text;
      if (event.type === 'output') output.push(event.data);
      if (event.type === 'stepped' && event.cached) cached.push(step);
      if (event.type === 'built') id = event.id ?? '';
    }
    return { id, output: Buffer.concat(output).toString(), cached };
  }

  events({ Dockerfile, files = {}, ...request }: BuildInput): AsyncIterable<BuildEvent> {
    const members = Array.isArray(files)
      ? files
      : Object.entries(files).map(([path, content]) => ({ path, content, mode: 0o644 }));
    const tar = tarOf({ path: 'Dockerfile', content: Dockerfile, mode: 0o644 }, ...members);
    return this.engine.builds.build({
      context: { kind: 'tar', stream: Readable.from([tar]) },
      dockerfile: 'Dockerfile',
      buildArgs: {},
      labels: {},
      references: [],
      noCache: false,
      pull: false,
      credentials: {},
      commands: defaultCommandSettings({ kind: 'none' }),
      signal: new AbortController().signal,
      tell: 'steps',
      ...request,
    });
  }

  /** The names in the layers of an image, those of its base left out. */
  async layers(id: string, baseLayers = 1): Promise<readonly (readonly string[])[]> {
    const { layers } = await this.engine.images.explore(id, { withFiles: true });
    return layers.slice(baseLayers).map(({ files = [] }) => files.map(({ path }) => path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#engine?.[Symbol.asyncDispose]();
      const left = await lastingLeftovers(this.traces);
      if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}`);
    } finally {
      removeLeftovers(this.traces);
      rmSync(this.traces.directory, { recursive: true, force: true });
    }
  }
}

export interface ClientServes {
  readonly secrets?: Readonly<Record<string, string>>;
  /** Answers of an agent to what it is sent, by its id. */
  readonly agents?: Readonly<Record<string, (request: string) => string>>;
}

function nothing(): never {
  throw new Error('this client has none');
}

/** What a client serves besides files. */
export function sessionOf({ secrets = {}, agents = {} }: ClientServes): BuildSession {
  return {
    closed: new AbortController().signal,
    openFiles: nothing,
    openFile: nothing,
    sendTree: nothing,
    credentials: () => Promise.resolve(undefined),
    secret: (id) => Promise.resolve(secrets[id] === undefined ? undefined : Buffer.from(secrets[id])),
    hasSshAgent: (id) => Promise.resolve(agents[id] !== undefined),
    openSshAgent: (id) => Promise.resolve(agent(agents[id] ?? nothing)),
  };
}

function agent(answer: (request: string) => string): Duplex {
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      stream.push(answer(chunk.toString()));
      done();
    },
    final: (done) => {
      stream.push(null);
      done();
    },
  });
  return stream;
}

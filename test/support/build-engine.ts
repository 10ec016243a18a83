/** An engine in this process for tests of builds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after } from 'node:test';
import type { BuildEvent, BuildRequest } from '../../src/build/build.ts';
import { defaultCommandSettings } from '../../src/build/definition/command-settings.ts';
import { Engine, type EngineOptions } from '../../src/engine/index.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { tarOf, type TarMember } from '../fixtures/tar.ts';
import { lastingLeftovers, removeLeftovers } from './leftovers.ts';

export type Built = Extract<BuildEvent, { readonly type: 'built' }>;

export interface BuildResult extends Built {
  readonly events: readonly BuildEvent[];
  /** How many steps with a vertex came from the cache. */
  readonly cachedSteps: number;
}

export type BuildWish = Partial<BuildRequest> & {
  readonly dockerfileText?: string;
  /** Files besides the Dockerfile. */
  readonly files?: readonly TarMember[];
};

/** Disposing it fails if the engine left something on the host. */
export class BuildEngine implements AsyncDisposable {
  readonly engine: Engine;
  readonly directory: string;
  readonly #traces: Parameters<typeof lastingLeftovers>[0];

  private constructor(engine: Engine, directory: string, traces: Parameters<typeof lastingLeftovers>[0]) {
    this.engine = engine;
    this.directory = directory;
    this.#traces = traces;
  }

  static async start(options: Partial<EngineOptions> = {}): Promise<BuildEngine> {
    const directory = mkdtempSync('/tmp/caisson-build-engine-');
    const traces = {
      directory,
      root: join(directory, 'root'),
      run: join(directory, 'run'),
      bridge: `csb${directory.slice(-6)}`,
    };
    const { root, run, bridge } = traces;
    try {
      const engine = await Engine.start({ root, run, bridge, networkPoolSize: 0, ...options });
      return new BuildEngine(engine, directory, traces);
    } catch (error) {
      removeLeftovers(traces);
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** One for all tests of a file, with `bb:latest`, and gone after them. Its directory has room for their files. */
  static async forTests(): Promise<BuildEngine> {
    const engine = await BuildEngine.start();
    after(() => engine[Symbol.asyncDispose]());
    await engine.importBusybox();
    return engine;
  }

  /** The image `bb:latest`. */
  async importBusybox(reference = 'bb:latest'): Promise<void> {
    await this.engine.images.import({ archive: Readable.from([busyboxRootTar()]), reference });
  }

  async build({ dockerfileText = '', files = [], ...wish }: BuildWish): Promise<BuildResult> {
    const dockerfile = { path: 'Dockerfile', content: dockerfileText, mode: 0o644 };
    const request: BuildRequest = {
      context: { kind: 'tar', stream: Readable.from([tarOf(dockerfile, ...files)]) },
      dockerfile: 'Dockerfile',
      buildArgs: {},
      labels: {},
      references: [],
      noCache: false,
      pull: false,
      credentials: {},
      commands: defaultCommandSettings({ kind: 'none' }),
      signal: AbortSignal.timeout(240_000),
      ...wish,
    };
    const events: BuildEvent[] = [];
    for await (const event of this.engine.builds.build(request)) events.push(event);
    const built = events.find((event) => event.type === 'built');
    if (!built) throw new Error('the build has not said what it built');
    return { ...built, events, cachedSteps: cachedSteps(events) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
    const left = await lastingLeftovers(this.#traces);
    removeLeftovers(this.#traces);
    rmSync(this.directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left on the host: ${left.join('; ')}`);
  }
}

export function cachedSteps(events: readonly BuildEvent[]): number {
  const names = events.flatMap((event) =>
    event.type === 'vertex' && event.vertex.cached && !/^\[[^\]]*\] FROM /.test(event.vertex.name)
      ? [event.vertex.digest]
      : [],
  );
  return new Set(names).size;
}

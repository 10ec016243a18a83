import { EngineError } from '#base/errors.ts';
import type { BuildRequest, Builds, SolveBridge, VertexStatus } from '#build/build.ts';
import type { BuildOutcome } from '#build/export/outcome.ts';
import type { SolveRequest } from '#wire/buildkit/control.ts';
import { isGraphEvent, StatusFeed } from './status-feed.ts';

export type ExporterResponse = Readonly<Record<string, string>>;

/** What a client returns as the result, and the build that is to export it. */
export interface ReturnedResult {
  readonly bridge: SolveBridge;
  readonly outcome: BuildOutcome;
}

/** A build that waits for what the client says of its result. */
interface OpenBuild {
  readonly bridge: SolveBridge;
  /** Exports this; without one, nothing is. */
  readonly decide: (outcome: BuildOutcome | undefined) => void;
  readonly ended: Promise<ExporterResponse>;
}

/**
 * One build as a client knows it: by a reference that it chose, under which it comes from several sides, in any order:
 * the request (`Control/Solve`, open until the end), the progress, and, where the client leads the build itself, what
 * it asks of the frontend and what it returns as the result.
 */
export class ActiveBuild {
  readonly status = new StatusFeed();
  readonly #canceled = new AbortController();
  readonly #asked = Promise.withResolvers<SolveRequest>();
  readonly #returned = Promise.withResolvers<ExporterResponse>();
  readonly #open: OpenBuild[] = [];
  /** Digests of what is done, as far as the client knows. */
  readonly #done = new Set<string>();
  #failure: unknown;

  constructor() {
    this.#returned.promise.catch(() => undefined);
    this.#asked.promise.catch(() => undefined);
  }

  /** Fires when no client waits for the result any more. */
  get signal(): AbortSignal {
    return this.#canceled.signal;
  }

  /** What `Control/Solve` asks for, once it has. */
  get asked(): Promise<SolveRequest> {
    return this.#asked.promise;
  }

  /** What exporting the client's result has given. */
  get returned(): Promise<ExporterResponse> {
    return this.#returned.promise;
  }

  ask(request: SolveRequest): void {
    this.#asked.resolve(request);
  }

  /** Runs the build from its beginning to its exports. @throws {EngineError} what the build fails with */
  async run(builds: Builds, request: BuildRequest): Promise<ExporterResponse> {
    let response: ExporterResponse = {};
    try {
      for await (const event of builds.build({ ...request, done: new Set(this.#done) })) {
        if (event.type === 'built') response = event.response;
        if (event.type === 'vertex' && isDone(event.vertex)) this.#done.add(event.vertex.digest);
        if (isGraphEvent(event)) await this.status.tell(event);
      }
      return response;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** One that waits for {@link end}. @throws {EngineError} what is wrong before anything is built */
  async open(builds: Builds, request: BuildRequest): Promise<SolveBridge> {
    const opened = Promise.withResolvers<SolveBridge>();
    const decision = Promise.withResolvers<BuildOutcome | undefined>();
    const lead = (bridge: SolveBridge) => {
      opened.resolve(bridge);
      return decision.promise;
    };
    const ended = this.run(builds, { ...request, lead });
    ended.catch(opened.reject);
    const bridge = await opened.promise;
    this.#open.push({ bridge, decide: decision.resolve, ended });
    return bridge;
  }

  /** @throws {EngineError} what the build fails with */
  async solve(bridge: SolveBridge): Promise<BuildOutcome> {
    try {
      return await bridge.solve();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  /**
   * The end of all that is open. The result may be put together from several builds: one of them exports it, the others
   * keep what they have made until then.
   *
   * @param result undefined: nothing is exported
   */
  end(result: Promise<ReturnedResult | undefined>): void {
    this.#returned.resolve(this.#export(result));
  }

  async #export(returned: Promise<ReturnedResult | undefined>): Promise<ExporterResponse> {
    const result = await returned;
    const exporting = this.#open.find(({ bridge }) => bridge === result?.bridge);
    exporting?.decide(result?.outcome);
    const response = (await exporting?.ended) ?? {};
    const others = this.#open.splice(0).filter((open) => open !== exporting);
    for (const { decide } of others) decide(undefined);
    await Promise.all(others.map(({ ended }) => ended));
    return response;
  }

  /** @param error as the client tells it; that of the run, which it comes from, says more */
  fail(error: unknown): void {
    this.#returned.reject(this.#failure ?? error);
  }

  /** The end, one way or the other. */
  close(): void {
    const error = new EngineError('aborted', 'context canceled');
    this.#canceled.abort(error);
    this.#asked.reject(error);
    this.#returned.reject(error);
    this.status.end();
  }
}

function isDone({ completedAtMs, failure }: VertexStatus): boolean {
  return completedAtMs !== undefined && !failure;
}

/** Builds by their references, as long as a connection that has named them is open. */
export class ActiveBuilds {
  readonly #builds = new Map<string, { readonly build: ActiveBuild; readonly users: Set<AbortSignal> }>();

  /** The first call that names a build makes it. */
  get(reference: string, connection: AbortSignal): ActiveBuild {
    const entry = this.#builds.get(reference) ?? { build: new ActiveBuild(), users: new Set() };
    this.#builds.set(reference, entry);
    const { build, users } = entry;
    if (users.has(connection)) return build;
    users.add(connection);
    connection.addEventListener('abort', () => {
      users.delete(connection);
      if (users.size > 0) return;
      this.#builds.delete(reference);
      build.close();
    });
    return build;
  }
}

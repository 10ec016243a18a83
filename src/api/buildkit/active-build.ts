import { EngineError } from '#base/errors.ts';
import type { BuildRequest, Builds } from '#build/build.ts';
import type { Digest } from '#oci/digest.ts';
import type { SolveRequest } from '#wire/buildkit/control.ts';
import { isGraphEvent, StatusFeed } from './status-feed.ts';

export type ExporterResponse = Readonly<Record<string, string>>;

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
  #response: ExporterResponse = {};
  #image: Digest | undefined;
  #failure: unknown;

  constructor() {
    this.#returned.promise.catch(() => undefined);
    this.#asked.promise.catch(() => undefined);
  }

  /** Fires when nobody waits for the result any more. */
  get signal(): AbortSignal {
    return this.#canceled.signal;
  }

  /** What `Control/Solve` asks for, once it has. */
  get asked(): Promise<SolveRequest> {
    return this.#asked.promise;
  }

  /** What the client returned. */
  get returned(): Promise<ExporterResponse> {
    return this.#returned.promise;
  }

  /** The image that the last run has stored, if it has. */
  get image(): Digest | undefined {
    return this.#image;
  }

  ask(request: SolveRequest): void {
    this.#asked.resolve(request);
  }

  /** @throws {EngineError} what the build fails with */
  async run(builds: Builds, request: BuildRequest): Promise<ExporterResponse> {
    try {
      for await (const event of builds.build(request)) {
        if (event.type === 'built') {
          this.#response = event.response;
          this.#image = event.id;
        }
        if (isGraphEvent(event)) await this.status.tell(event);
      }
      return this.#response;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** The client is content with the last run. */
  succeed(): void {
    this.#returned.resolve(this.#response);
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

/** By their references, as long as a connection that has named them is open. */
export class ActiveBuilds {
  readonly #builds = new Map<string, { readonly build: ActiveBuild; readonly users: Set<AbortSignal> }>();

  /** Whoever names a build first makes it. */
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

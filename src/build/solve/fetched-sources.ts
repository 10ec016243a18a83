import type { UseCount } from '#base/use-count.ts';
import type { LocalFiles, RemoteFiles } from '../definition/vertex.ts';
import type { Downloads } from '../remote/downloads.ts';
import type { BuildSession } from '../session/build-session.ts';

export interface FetchedSourcesOptions {
  readonly downloads: Pick<Downloads, 'get'>;
  /** What is fetched for a source: what the build's source policies make of it. */
  readonly permit: (source: RemoteFiles) => RemoteFiles;
  readonly session?: BuildSession;
  /** What is fetched is kept while this is in use. */
  readonly reading: UseCount;
  /** Fires when the build ends. */
  readonly signal: AbortSignal;
}

/** Files of the network that one build takes, each fetched once: a name may mean something else meanwhile. */
export class FetchedSources {
  readonly #options: FetchedSourcesOptions;
  readonly #fetched = new Map<RemoteFiles, Promise<LocalFiles>>();

  constructor(options: FetchedSourcesOptions) {
    this.#options = options;
  }

  /** Undefined: the source was not needed. */
  get(source: RemoteFiles): Promise<LocalFiles> | undefined {
    return this.#fetched.get(source);
  }

  /** The files stay until the build has ended. */
  fetch(source: RemoteFiles): Promise<LocalFiles> {
    const fetched = this.#fetched.get(source) ?? this.#fetchAndHold(source);
    this.#fetched.set(source, fetched);
    return fetched;
  }

  async #fetchAndHold(source: RemoteFiles): Promise<LocalFiles> {
    const { downloads, permit, session, reading, signal } = this.#options;
    const held = await downloads.get(permit(source), { signal, ...(session && { session }) });
    const release = async () => {
      await reading.unused();
      held[Symbol.dispose]();
    };
    if (signal.aborted) void release();
    signal.addEventListener('abort', () => void release(), { once: true });
    return held.files;
  }
}

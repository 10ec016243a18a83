import { EngineError } from '#base/errors.ts';
import { EventChannel } from '#base/event-channel.ts';
import { NO_FILTERS } from '#base/filters.ts';
import type { BuildEvent, BuildRequest, Builds } from './build.ts';
import type { BuilderDisk } from './disk/builder-disk.ts';
import type { CacheRecord, PruneReport, PruneRequest } from './disk/disk.ts';
import { type BuildRooms, runBuild } from './one-build.ts';
import { BuildProgress } from './progress/build-progress.ts';

/** See `createBuilds`. Disposing it cancels what is being built. */
export class EngineBuilds implements Builds, AsyncDisposable {
  readonly #rooms: BuildRooms;
  readonly #disk: BuilderDisk;
  readonly #owned: readonly AsyncDisposable[];
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();

  /** @param owned disposed in this order once no build runs */
  constructor(rooms: BuildRooms, disk: BuilderDisk, owned: readonly AsyncDisposable[]) {
    this.#rooms = rooms;
    this.#disk = disk;
    this.#owned = owned;
  }

  async *build(request: BuildRequest): AsyncGenerator<BuildEvent, void> {
    const left = new AbortController();
    const signal = AbortSignal.any([request.signal, left.signal, this.#closing.signal]);
    const channel = new EventChannel<BuildEvent>();
    const ended = this.#tell({ ...request, signal }, left, channel);
    this.#running.add(ended);
    try {
      yield* channel;
    } finally {
      left.abort(new EngineError('aborted', 'Cannot build image: the client has left'));
      await ended;
      this.#running.delete(ended);
      this.#disk.collectSoon();
    }
  }

  prune(request: PruneRequest = { filters: NO_FILTERS, all: true, keepBytes: 0 }): Promise<PruneReport> {
    return this.#disk.prune(request);
  }

  cacheRecords(): readonly CacheRecord[] {
    return this.#disk.records();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new EngineError('aborted', 'Cannot build image: the engine stops'));
    await Promise.all(this.#running);
    await this.#rooms.solver.shared.work.settled();
    await this.#disk[Symbol.asyncDispose]();
    for (const each of this.#owned) await each[Symbol.asyncDispose]();
  }

  /** Builds, telling what is wanted; never rejects. */
  async #tell(
    request: BuildRequest,
    left: AbortController,
    channel: EventChannel<BuildEvent>,
  ): Promise<void> {
    const progress = new BuildProgress(channel, request);
    try {
      for await (const event of runBuild(this.#rooms, request, { left, progress })) {
        if (event.type === 'built') await progress.settled();
        progress.step(event);
        await channel.room();
      }
      channel.end();
    } catch (error) {
      await progress.settled();
      channel.end({ error });
    }
  }
}

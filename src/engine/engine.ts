/**
 * The facade: one engine with its domains wired. It knows nothing of HTTP; `api/` serves it, and a TypeScript
 * program can use it in-process: `await using engine = await Engine.start({ root: '/var/lib/caisson' })`.
 */
import type { Builds } from '#build/build.ts';
import type { Containers } from '#container/container.ts';
import type { ImageStore } from '#image/image.ts';
import type { Networks } from '#network/network.ts';
import type { EventMessage } from '#wire/event.ts';
import type { VersionInfo } from '#wire/system.ts';
import type { DiskUsage, UsageType } from './disk-usage.ts';
import type { Registries } from '#registry/registry.ts';
import type { Volumes } from '#volume/volume.ts';

export interface EventQuery {
  /** Nanoseconds since the epoch. */
  readonly sinceNs?: bigint;
  /** Ends the stream; in the past: only what is remembered. */
  readonly untilNs?: bigint;
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly signal?: AbortSignal;
}

export interface EngineApi {
  readonly containers: Containers;
  readonly images: ImageStore;
  readonly builds: Builds;
  readonly registries: Registries;
  readonly networks: Networks;
  readonly volumes: Volumes;
  /** Lasts as long as the root. */
  readonly id: string;
  /** Remembered events since `sinceNs`, then live ones until `untilNs` or the signal. Subscribed when it returns. */
  events(query: EventQuery): AsyncIterable<EventMessage>;
  version(): VersionInfo;
  /** The object of `GET /info`. */
  info(): Promise<Readonly<Record<string, unknown>>>;
  diskUsage(types: readonly UsageType[]): Promise<DiskUsage>;
}

import type { Logger } from '#base/log.ts';
import type { ContentStore } from '#store/content.ts';
import type { Leases } from '#store/leases.ts';
import type { Metadata } from '#store/metadata.ts';
import type { BlobFills } from './blob-fills.ts';
import type { RecentUse } from './recent-use.ts';
import type { RegistryLimits, Upstream } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';
import type { UploadSessions } from './upload-sessions.ts';

/** Where a registry keeps things: of its own, or an engine's. The owner disposes it. */
export interface RegistryStorage {
  readonly content: ContentStore;
  readonly leases: Leases;
  /** Opened with `registryMigrations`. */
  readonly metadata: Metadata;
}

/** What every endpoint works with. */
export interface RegistryParts extends RegistryStorage {
  readonly table: RegistryTable;
  readonly uploads: UploadSessions;
  readonly recent: RecentUse;
  readonly limits: RegistryLimits;
  readonly logger: Logger;
  /** Where this is a mirror. */
  readonly mirror?: Mirror;
}

export interface Mirror {
  readonly upstream: Upstream;
  readonly fills: BlobFills;
}

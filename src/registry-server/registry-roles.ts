import type { Logger } from '#base/log.ts';
import type { ContentStore, Lease, Leases } from '#store/content.ts';
import type { Metadata } from '#store/metadata.ts';
import type { BlobFills } from './blob-fills.ts';
import type { Upstream } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';
import type { UploadSessions } from './upload-sessions.ts';

/** Where a registry keeps things: of its own, or an engine's. The owner disposes it. */
export interface RegistryStorage {
  readonly content: ContentStore;
  readonly leases: Leases;
  /** Opened with `registryMigrations`. */
  readonly metadata: Metadata;
}

/** What reads and changes the blobs and manifests of repositories. */
export interface RepositoryRoles {
  readonly table: RegistryTable;
  readonly content: ContentStore;
  /** Protects what a request has found or stored, for a while. */
  readonly recent: Lease;
  /** Where this is a mirror. */
  readonly mirror?: Mirror;
}

export interface Mirror {
  readonly upstream: Upstream;
  readonly fills: BlobFills;
  readonly logger: Logger;
}

/** What takes blobs into repositories. */
export interface UploadRoles extends RepositoryRoles {
  readonly uploads: UploadSessions;
  readonly maximumBlobBytes: number;
}

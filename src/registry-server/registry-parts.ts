import type { Logger } from '#base/log.ts';
import type { BlobFills } from './blob-fills.ts';
import type { RecentUse } from './recent-use.ts';
import type { RegistryLimits, RegistryStorage, Upstream } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';
import type { UploadSessions } from './upload-sessions.ts';

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

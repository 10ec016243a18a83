import type { FileServiceErrorReason } from '#linux/file-service-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

/** Docker waits for what hangs. */
export const FILE_SERVICE_ENTRIES: DockerEntries<FileServiceErrorReason> = {
  'files-hang': 'plain',
  'too-many-files-hang': 'plain',
};

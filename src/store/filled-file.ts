/** A blob whose file others write, in threads of their own. */
import { closeSync, constants, existsSync, fstatSync, openSync, renameSync } from 'node:fs';
import type { BlobInfo, Lease } from './content.ts';
import type { WriterPlace } from './content-writer.ts';
import { diskError, syncData, unlinkIfThere } from './disk.ts';
import { storeError } from './store-errors.ts';

/** Does not release the place. */
export async function storeFilledFile(
  place: WriterPlace,
  fill: (path: string) => Promise<BlobInfo>,
  lease: Lease | undefined,
): Promise<BlobInfo> {
  const { O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const fd = openSync(place.ingestPath, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    const info = await fill(place.ingestPath);
    if (fstatSync(fd).size !== info.sizeBytes)
      throw storeError('blob-incomplete', { subject: place.reference });
    lease?.protect(info.digest);
    const path = place.blobPath(info.digest);
    if (!existsSync(path)) {
      await syncData(fd);
      renameSync(place.ingestPath, path);
    }
    await place.syncBlobs();
    return info;
  } catch (error) {
    throw diskError(error, `blob ${place.reference}`);
  } finally {
    closeSync(fd);
    unlinkIfThere(place.ingestPath);
  }
}

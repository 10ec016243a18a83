/** Loads an archive into a root, then dies in the middle of the next load. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { silentLogger } from '#base/log.ts';
import { createLayerStore } from '#layer/layer-store.ts';
import { encodeHeader } from '#oci/tar-writer.ts';
import { ExpendableDigests, storeMigrations } from '#store/expendable.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import { MemoryLeases } from '#store/leases.ts';
import { LostDirectory } from '#store/lost-and-found.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import { createImages } from './create-images.ts';
import { imageMigrations } from './image-migrations.ts';

const [root = '', archive = ''] = process.argv.slice(2);
const lost = new LostDirectory(root, silentLogger);
const metadata = new SqliteMetadata(root, [storeMigrations, imageMigrations]);
const expendable = new ExpendableDigests(metadata);
const content = new FileContentStore(join(root, 'content'));
const images = await createImages({
  content,
  metadata,
  layers: createLayerStore({
    rootDirectory: join(root, 'layers'),
    runDirectory: join(root, 'run'),
    content,
    mode: 'auto',
    limits: { maximumLayerBytes: 2 ** 30, maximumEntries: 100_000 },
    lost,
    logger: silentLogger,
  }),
  leases: new MemoryLeases(expendable),
  expendable,
  lost,
  use: { containersOf: () => [] },
  emit: () => undefined,
});
await Array.fromAsync(images.load(createReadStream(archive)));

async function* unfinished(): AsyncGenerator<Buffer> {
  const data = Buffer.alloc(1 << 20, 'x');
  yield encodeHeader({ path: 'whole', type: 'file', sizeBytes: data.length });
  yield data;
  yield encodeHeader({ path: 'half', type: 'file', sizeBytes: 64 << 20 });
  for (let count = 0; count < 20; count++) yield data;
  process.kill(process.pid, 'SIGKILL');
}
await Array.fromAsync(images.load(Readable.from(unfinished(), { objectMode: false })));

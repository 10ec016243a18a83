import type { Readable } from 'node:stream';
import type { BackgroundWork } from '#base/background-work.ts';
import type { FileStat, RootArchive } from '#layer/layer.ts';
import { type PlaceRoles, locate, orMissing } from './container-files.ts';
import type { Container } from '../run/container.ts';

export interface ArchiveRoles {
  readonly archive: RootArchive;
  readonly places: PlaceRoles;
  readonly background: BackgroundWork;
}

interface PathRequest {
  /** As the client named the container. */
  readonly reference: string;
  readonly path: string;
}

/** @throws {EngineError} `no-such-container-file` */
export async function statInContainer(
  { archive, places }: ArchiveRoles,
  container: Container,
  { reference, path }: PathRequest,
): Promise<FileStat> {
  await using place = await locate(places, container, path);
  return await orMissing(reference, path, archive.stat(place.root, place.path, place.lane));
}

/** The tar of a path. The place stays available until it is read or destroyed. */
export async function archiveFromContainer(
  { archive, places, background }: ArchiveRoles,
  container: Container,
  { reference, path }: PathRequest,
): Promise<{ readonly stat: FileStat; readonly tar: Readable }> {
  const place = await locate(places, container, path);
  try {
    const found = await orMissing(reference, path, archive.get(place.root, place.path, place.lane));
    found.tar.once('close', () =>
      background.add('unmounting a container’s root failed', place[Symbol.asyncDispose]()),
    );
    container.emit('archive-path');
    return found;
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

export async function extractIntoContainer(
  { archive, places }: ArchiveRoles,
  container: Container,
  request: PathRequest & { readonly tar: Readable } & Parameters<RootArchive['put']>[3],
): Promise<void> {
  const { reference, path, tar, ...options } = request;
  await using place = await locate(places, container, path);
  await orMissing(
    reference,
    path,
    archive.put(place.root, place.path, tar, { ...options, lane: place.lane }),
  );
  container.emit('extract-to-dir');
}

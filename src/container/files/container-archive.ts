import type { Readable } from 'node:stream';
import type { FileStat } from '#layer/layer.ts';
import { locate, orMissing } from './container-files.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from '../run/managed-container.ts';

interface PathRequest {
  /** As the client named the container. */
  readonly reference: string;
  readonly path: string;
}

/** @throws {EngineError} `no-such-container-file` */
export async function statInContainer(
  context: ContainerContext,
  container: ManagedContainer,
  { reference, path }: PathRequest,
): Promise<FileStat> {
  await using place = await locate(context, container, path);
  return await orMissing(reference, path, context.archive.stat(place.root, place.path, place.lane));
}

/** The place stays available until the tar is read or destroyed. */
export async function archiveFromContainer(
  context: ContainerContext,
  container: ManagedContainer,
  { reference, path }: PathRequest,
): Promise<{ readonly stat: FileStat; readonly tar: Readable }> {
  const place = await locate(context, container, path);
  try {
    const found = await orMissing(reference, path, context.archive.get(place.root, place.path, place.lane));
    found.tar.once('close', () =>
      context.pending.add('unmounting a container’s root failed', place[Symbol.asyncDispose]()),
    );
    container.emit('archive-path');
    return found;
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

export async function extractIntoContainer(
  context: ContainerContext,
  container: ManagedContainer,
  request: PathRequest & { readonly tar: Readable } & Parameters<ContainerContext['archive']['put']>[3],
): Promise<void> {
  const { reference, path, tar, ...options } = request;
  await using place = await locate(context, container, path);
  await orMissing(
    reference,
    path,
    context.archive.put(place.root, place.path, tar, { ...options, lane: place.lane }),
  );
  container.emit('extract-to-dir');
}

import type { Readable } from 'node:stream';
import type { BackgroundWork } from '#base/background-work.ts';
import type { FileStat, RootArchive } from '#layer/layer.ts';
import { type ContainerFiles, type FilesRoles, openFiles, orMissing } from './container-files.ts';
import { findUser } from './root-files.ts';
import type { Container } from '../run/container.ts';

export interface ArchiveRoles {
  readonly archive: RootArchive;
  readonly files: FilesRoles;
  readonly background: BackgroundWork;
}

interface PathRequest {
  /** As the client named the container. */
  readonly reference: string;
  readonly path: string;
}

/** @throws {EngineError} `no-such-container-file` */
export async function statInContainer(
  { archive, files }: ArchiveRoles,
  container: Container,
  { reference, path }: PathRequest,
): Promise<FileStat> {
  await using opened = await openFiles(files, container);
  return await orMissing(reference, path, archive.stat(opened.view, path, opened.lane));
}

/** The tar of a path. The files stay open until it is read or destroyed. */
export async function archiveFromContainer(
  { archive, files, background }: ArchiveRoles,
  container: Container,
  { reference, path }: PathRequest,
): Promise<{ readonly stat: FileStat; readonly tar: Readable }> {
  const opened = await openFiles(files, container);
  try {
    const found = await orMissing(reference, path, archive.get(opened.view, path, opened.lane));
    found.tar.once('close', () =>
      background.add('unmounting a container’s root failed', opened[Symbol.asyncDispose]()),
    );
    container.emit('archive-path');
    return found;
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

export async function extractIntoContainer(
  { archive, files }: ArchiveRoles,
  container: Container,
  request: PathRequest & { readonly tar: Readable } & Parameters<RootArchive['put']>[3],
): Promise<void> {
  const { reference, path, tar, ...options } = request;
  await using opened = await openFiles(files, container);
  const owner = options.copyUidGid ? await ownerIn(files, container, opened) : undefined;
  const put = archive.put(opened.view, path, tar, { ...options, ...(owner && { owner }), lane: opened.lane });
  await orMissing(reference, path, put);
  container.emit('extract-to-dir');
}

/** The container's user, in numbers; undefined where it asks for none. */
async function ownerIn(
  { files }: FilesRoles,
  { spec }: Container,
  { view, lane }: ContainerFiles,
): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  const { user = '' } = spec.process;
  if (user === '') return undefined;
  return await findUser({ files, rootPath: view.path, lane, isWatched: true }, { user, groupAdd: [] });
}

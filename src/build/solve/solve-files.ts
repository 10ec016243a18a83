/** Actions on files, one after the other in one root. */
import { EngineError } from '#base/errors.ts';
import { promptly } from '#container/files/root-access.ts';
import { resolveUser } from '#container/spec/user.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { FilesVertex } from '../definition/vertex.ts';
import type { ActionOwner, CopyAction, FileAction } from '../definition/file-action.ts';
import type { Owner } from '../files/file-jobs.ts';
import { hasWildcards } from '#oci/glob.ts';
import type { FileWork } from './file-work.ts';
import { copyInto, ownerIn, ownerNumbers } from './solve-copy.ts';
import type { VertexWork } from './vertex-work.ts';
import type { Sources } from './file-sources.ts';

/** Undefined if nothing is changed. @throws {EngineError} `invalid` for what cannot be done */
export async function solveFiles(
  work: FileWork,
  { actions }: FilesVertex,
  sources: Sources,
  { below, lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  return await work.trees.withWritableRoot(below, async (id, rootPath) => {
    const place = { work, sources, rootPath, signal };
    for (const action of actions) await act(place, action);
    const fill = (path: string) => work.snapshots.writeDiff(id, path, signal);
    return await work.images.addLayerFile(fill, { lease, signal });
  });
}

interface Place {
  readonly work: FileWork;
  readonly sources: Sources;
  readonly rootPath: string;
  readonly signal: AbortSignal;
}

async function act(place: Place, action: FileAction): Promise<void> {
  const owner = action.kind === 'remove' ? undefined : await ownerOf(place, action.owner);
  if (action.kind === 'copy') await copy(place, action, owner);
  else await place.work.files.change({ root: place.rootPath, action, ...(owner && { owner }) });
}

async function copy(
  { work, sources, rootPath, signal }: Place,
  { files, needsMatch, destination, mode, modifiedNs, ...options }: CopyAction,
  owner: Owner | undefined,
): Promise<void> {
  using opened = await sources.open(files);
  const isMissing = async () => (await work.files.find(opened.selection)).length === 0;
  const [path = ''] = files.paths;
  if (needsMatch && hasWildcards(path) && (await isMissing()))
    throw new EngineError('invalid', `${path} not found`);
  const { keepsDirectories, replaces, needsParent } = options;
  const place = {
    destination,
    keepsDirectories,
    replaces,
    needsParent,
    ...(owner && { owner }),
    ...(mode !== undefined && { mode }),
    ...(modifiedNs !== undefined && { modifiedNs }),
  };
  await copyInto(work, { rootPath, place, signal }, [opened]);
}

async function ownerOf(
  { work, sources, rootPath }: Place,
  owner: ActionOwner | undefined,
): Promise<Owner | undefined> {
  if (!owner) return undefined;
  const numbers = ownerNumbers(owner.text);
  if (numbers) return numbers;
  if (owner.in) return await ownerIn(work.trees, await sources.layersOf(owner.in), owner.text);
  return resolveUser({ rootPath, user: owner.text }, promptly);
}

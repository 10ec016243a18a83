/** Solves COPY and ADD. */
import { EngineError } from '#base/errors.ts';
import { promptly } from '#container/files/root-access.ts';
import { resolveUser } from '#container/spec/user.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { isArchive, openArchive } from '../files/archive-file.ts';
import type { CopyVertex } from '../definition/vertex.ts';
import type { CopyJob, FileSelection, Owner } from '../files/file-jobs.ts';
import { escapeWildcards } from '#oci/glob.ts';
import type { FileWork } from './file-work.ts';
import type { LayerTrees } from './layer-trees.ts';
import type { VertexWork } from './vertex-work.ts';
import type { OpenFiles, Sources } from './file-sources.ts';

/** Undefined if nothing is changed. */
export async function solveCopy(
  work: FileWork,
  vertex: CopyVertex,
  sources: Sources,
  { below, lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  await using held = new AsyncDisposableStack();
  const opened = await Promise.all(vertex.files.map((files) => sources.open(files)));
  for (const files of opened) held.use(files);
  const owner = await ownerIn(work.trees, below, vertex.owner);
  const place = placeOf(vertex, owner);
  const base = vertex.isLinked ? [] : below;
  const steps = await stepsOf(work.files, opened);
  if (steps.some(({ archive }) => archive !== undefined))
    return await work.trees.withWritableRoot(base, async (id, rootPath) => {
      await putSteps(work, { rootPath, place, signal }, steps);
      const fill = (path: string) => work.snapshots.writeDiff(id, path, signal);
      return await work.images.addLayerFile(fill, { lease, signal });
    });
  using target = work.trees.open(base);
  const files = opened.map(({ selection }) => selection);
  const job = { ...place, target: target.tree, files };
  const fill = (path: string) => work.files.copyTo(job, path, signal);
  return await work.images.addLayerFile(fill, { lease, signal });
}

/** A step is files to copy, or one archive to extract. */
type Step =
  | { readonly selection: FileSelection; readonly archive?: undefined }
  | { readonly archive: string; readonly root: string };

type FileFinder = Pick<FileWork['files'], 'find'>;

async function stepsOf(files: FileFinder, opened: readonly OpenFiles[]): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const { selection, unpack } of opened) {
    if (unpack && typeof selection.source === 'string') steps.push(...(await archivesIn(files, selection)));
    else steps.push({ selection });
  }
  return steps;
}

async function archivesIn(files: FileFinder, selection: FileSelection): Promise<readonly Step[]> {
  const { source: root } = selection;
  const found = await files.find(selection);
  if (typeof root !== 'string') return [{ selection }];
  const steps: Step[] = [];
  for (const { path, isDirectory } of found) {
    const archive = !isDirectory && (await isArchive(root, path));
    steps.push(
      archive ? { archive: path, root } : { selection: { ...selection, paths: [escapeWildcards(path)] } },
    );
  }
  return steps.every((step) => step.archive === undefined) ? [{ selection }] : steps;
}

/** Where and how files are copied, whatever they are and whatever they are copied into. */
type CopyPlace = Omit<CopyJob, 'files' | 'target'>;

/** A root that can be written to, and what is done to it. */
export interface RootChange {
  readonly rootPath: string;
  readonly place: CopyPlace;
  readonly signal: AbortSignal;
}

type Writers = Pick<FileWork, 'files' | 'archive'>;

/** Copies files, or extracts the archives among them. */
export async function copyInto(
  work: Writers,
  change: RootChange,
  opened: readonly OpenFiles[],
): Promise<void> {
  await putSteps(work, change, await stepsOf(work.files, opened));
}

async function putSteps(
  { files, archive }: Writers,
  { rootPath, place, signal }: RootChange,
  steps: readonly Step[],
): Promise<void> {
  const { destination, owner } = place;
  for (const step of steps) {
    if (step.archive === undefined) {
      const changes = files.copy({ ...place, target: rootPath, files: [step.selection] });
      await archive.put(rootPath, '/', changes, { ...AS_ARCHIVED, signal });
      continue;
    }
    const directory = { destination: `${destination}/`, ...(owner && { owner }) };
    const made = files.copy({ ...directory, target: rootPath, files: [] });
    await archive.put(rootPath, '/', made, { ...AS_ARCHIVED, signal });
    await archive.put(rootPath, destination, await openArchive(step.root, step.archive), {
      ...AS_ARCHIVED,
      copyUidGid: owner !== undefined,
      ...(owner && { owner }),
      signal,
    });
  }
}

const AS_ARCHIVED = { noOverwriteDirNonDir: false, copyUidGid: false } as const;

function placeOf({ destination, mode }: CopyVertex, owner: Owner | undefined): CopyPlace {
  return { destination, ...(owner && { owner }), ...(mode !== undefined && { mode }) };
}

const MAXIMUM_ID = 2 ** 31 - 1;

/**
 * `user`, `user:group` or `:group`, whose user is root. Names are those of the file system that is written to.
 *
 * @throws {EngineError} `invalid` for unknown names and impossible numbers
 */
export async function ownerIn(
  trees: Pick<LayerTrees, 'withWritableRoot'>,
  below: readonly ImageLayer[],
  text: string | undefined,
): Promise<Owner | undefined> {
  if (text === undefined) return undefined;
  if (text === '' || text === ':') throw new EngineError('invalid', `invalid user: ${text}`);
  const numbers = ownerNumbers(text);
  if (!numbers) {
    const user = text.startsWith(':') ? `0${text}` : text;
    return await trees.withWritableRoot(below, async (_, rootPath) =>
      resolveUser({ rootPath, user }, promptly),
    );
  }
  if (Math.max(numbers.uid, numbers.gid) <= MAXIMUM_ID) return numbers;
  throw new EngineError('invalid', `uids and gids must be in range 0-${MAXIMUM_ID}`);
}

/** Undefined where it has names. */
export function ownerNumbers(text: string): Owner | undefined {
  const [, user, group = user] = /^(\d+)(?::(\d+))?$/.exec(text.startsWith(':') ? `0${text}` : text) ?? [];
  return user === undefined ? undefined : { uid: Number(user), gid: Number(group) };
}

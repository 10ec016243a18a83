/** COPY and ADD. */
import { EngineError } from '#base/errors.ts';
import { resolveUser } from '#container/spec/user.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { isArchive, openArchive } from '../files/archive-file.ts';
import type { BuildParts } from '../build-parts.ts';
import type { CopyVertex } from '../definition/vertex.ts';
import type { CopyJob, FileSelection, Owner } from '../files/file-jobs.ts';
import { escapeWildcards } from '../files/glob.ts';
import { openLayerTree, withWritableRoot } from './layer-tree.ts';
import type { VertexWork } from './solve-vertex.ts';
import type { OpenFiles, Sources } from './file-sources.ts';

/** Undefined if nothing is changed. */
export async function solveCopy(
  parts: BuildParts,
  vertex: CopyVertex,
  sources: Sources,
  work: VertexWork,
): Promise<ImageLayer | undefined> {
  await using held = new AsyncDisposableStack();
  const opened = await Promise.all(vertex.files.map((files) => sources.open(files)));
  for (const files of opened) held.use(files);
  const owner = await ownerIn(parts, work.below, vertex.owner);
  const copy = {
    vertex,
    below: vertex.isLinked ? [] : work.below,
    ...(owner && { owner }),
  };
  const steps = await stepsOf(parts, opened);
  if (steps.some(({ archive }) => archive !== undefined)) return await unpackAll(parts, copy, steps, work);
  const { lease, signal } = work;
  using target = openLayerTree(parts, copy.below);
  const files = opened.map(({ selection }) => selection);
  const job = { ...jobOf(copy), target: target.tree, files };
  const fill = (path: string) => parts.files.copyTo(job, path, signal);
  return await parts.images.addLayerFile(fill, { lease, signal });
}

interface Copy {
  readonly vertex: CopyVertex;
  readonly below: readonly ImageLayer[];
  readonly owner?: Owner;
}

/** One after the other: files to copy, or one archive to extract. */
type Step =
  | { readonly selection: FileSelection; readonly archive?: undefined }
  | { readonly archive: string; readonly root: string };

async function stepsOf(parts: BuildParts, opened: readonly OpenFiles[]): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const { selection, unpack } of opened) {
    if (unpack && typeof selection.source === 'string') steps.push(...(await archivesIn(parts, selection)));
    else steps.push({ selection });
  }
  return steps;
}

async function archivesIn(parts: BuildParts, selection: FileSelection): Promise<readonly Step[]> {
  const { source: root } = selection;
  const found = await parts.files.find(selection);
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

async function unpackAll(
  parts: BuildParts,
  copy: Copy,
  steps: readonly Step[],
  { lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  return await withWritableRoot(parts, copy.below, async (id, rootPath) => {
    await putSteps(parts, rootPath, jobOf(copy), steps, signal);
    return await parts.images.addLayer(await parts.snapshots.diff(id), { lease, signal });
  });
}

/** Where and how files are copied, whatever they are and whatever they are copied into. */
export type CopyPlace = Omit<CopyJob, 'files' | 'target'>;

/** Copies files, or extracts the archives among them, into a root that can be written to. */
export async function copyInto(
  parts: BuildParts,
  rootPath: string,
  place: CopyPlace,
  opened: readonly OpenFiles[],
  signal: AbortSignal,
): Promise<void> {
  await putSteps(parts, rootPath, place, await stepsOf(parts, opened), signal);
}

async function putSteps(
  parts: BuildParts,
  rootPath: string,
  place: CopyPlace,
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<void> {
  const { destination, owner } = place;
  for (const step of steps) {
    if (step.archive === undefined) {
      const changes = parts.files.copy({ ...place, target: rootPath, files: [step.selection] });
      await parts.archive.put(rootPath, '/', changes, { ...AS_ARCHIVED, signal });
      continue;
    }
    const directory = { destination: `${destination}/`, ...(owner && { owner }) };
    const made = parts.files.copy({ ...directory, target: rootPath, files: [] });
    await parts.archive.put(rootPath, '/', made, { ...AS_ARCHIVED, signal });
    await parts.archive.put(rootPath, destination, await openArchive(step.root, step.archive), {
      ...AS_ARCHIVED,
      copyUidGid: owner !== undefined,
      ...(owner && { owner }),
      signal,
    });
  }
}

const AS_ARCHIVED = { noOverwriteDirNonDir: false, copyUidGid: false } as const;

function jobOf({ vertex: { destination, mode }, owner }: Copy): CopyPlace {
  return { destination, ...(owner && { owner }), ...(mode !== undefined && { mode }) };
}

const MAXIMUM_ID = 2 ** 31 - 1;

/**
 * `user`, `user:group` or `:group`, whose user is root. Names are those of the file system that is written to.
 *
 * @throws {EngineError} `invalid` for unknown names and impossible numbers
 */
export async function ownerIn(
  parts: BuildParts,
  below: readonly ImageLayer[],
  text: string | undefined,
): Promise<Owner | undefined> {
  if (text === undefined) return undefined;
  if (text === '' || text === ':') throw new EngineError('invalid', `invalid user: ${text}`);
  const numbers = ownerNumbers(text);
  if (!numbers) {
    const user = text.startsWith(':') ? `0${text}` : text;
    return await withWritableRoot(parts, below, async (_, rootPath) => resolveUser(rootPath, user));
  }
  if (Math.max(numbers.uid, numbers.gid) <= MAXIMUM_ID) return numbers;
  throw new EngineError('invalid', `uids and gids must be in range 0-${MAXIMUM_ID}`);
}

/** Undefined where it has names. */
export function ownerNumbers(text: string): Owner | undefined {
  const [, user, group = user] = /^(\d+)(?::(\d+))?$/.exec(text.startsWith(':') ? `0${text}` : text) ?? [];
  return user === undefined ? undefined : { uid: Number(user), gid: Number(group) };
}

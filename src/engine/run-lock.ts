/** Which engine has a run directory: the one that runs, and while none runs, the one whose containers run on in it. */
import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fieldsOf } from '#base/json.ts';
import { currentBootId } from '#linux/boot-id.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import { lockDirectory } from '#store/directory-lock.ts';
import { storeError } from '#store/store-errors.ts';
import { engineError } from './engine-errors.ts';
import { type EngineDirectories, RUN_SNAPSHOTS } from './directories.ts';

/** Says who had the run directory last. */
const OWNER_FILE = 'owner';

interface RunOwner {
  /** The path without symbolic links. */
  readonly root: string;
  /** What the owner started has not outlived this boot. */
  readonly bootId: string;
}

/**
 * Holds the run directory for the engine on `root` alone, until it is disposed or the process dies. Nothing else in
 * it may be touched before: what belongs to no container of an engine's root is removed when that engine starts.
 *
 * @throws {EngineError} `root-in-use` or `run-in-use` while another engine runs, `run-of-other-root` where containers
 *   of another root run on in it
 */
export function lockRun({ root, run }: Pick<EngineDirectories, 'root' | 'run'>): Disposable {
  const ownerPath = join(run, OWNER_FILE);
  const ownRoot = realpathSync(root);
  using resources = new DisposableStack();
  resources.use(lockDirectory(run, (holder, cause) => refusal({ ownRoot, run, holder, cause })));
  const owner = readOwner(ownerPath);
  const bootId = currentBootId();
  const isForeign = owner !== undefined && owner.root !== ownRoot && owner.bootId === bootId;
  if (isForeign && hasContainers(run)) {
    throw storeError('run-of-other-root', { subject: run, details: { root: owner.root, ownerPath } });
  }
  writeFileSync(ownerPath, JSON.stringify({ root: ownRoot, bootId } satisfies RunOwner));
  const locked = resources.move();
  return { [Symbol.dispose]: () => locked.dispose() };
}

/**
 * Holds a run directory whose engine is gone.
 *
 * @throws {EngineError} `no-run-directory` where it never was one, `run-directory-held` while an engine runs
 */
export function holdAbandonedRun(run: string): Disposable {
  if (!readOwner(join(run, OWNER_FILE))) throw engineError('no-run-directory', { subject: run });
  return lockDirectory(run, (holder, cause) =>
    engineError('run-directory-held', { subject: run, details: { holder }, cause }),
  );
}

/** What {@link lockRun} and {@link holdAbandonedRun} keep there. */
export const LOCK_FILES = [OWNER_FILE, 'lock', 'lock-journal', 'lock.pid'];

interface Refused {
  readonly ownRoot: string;
  readonly run: string;
  readonly holder: string;
  readonly cause: unknown;
}

/** Where both root and run are the same, it is the same engine, which was started twice. */
function refusal({ ownRoot, run, holder, cause }: Refused): Error {
  const root = readOwner(join(run, OWNER_FILE))?.root;
  if (root === ownRoot) return storeError('root-in-use', { subject: ownRoot, details: { holder }, cause });
  const details = { holder, root: root ?? 'that is not known' };
  return storeError('run-in-use', { subject: run, details, cause });
}

function readOwner(path: string): RunOwner | undefined {
  try {
    const owner: unknown = JSON.parse(readIfThere(path) ?? 'null');
    return isOwner(owner) ? owner : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isOwner(value: unknown): value is RunOwner {
  const { root, bootId } = fieldsOf(value);
  return typeof root === 'string' && typeof bootId === 'string';
}

/** Whether containers run in a run directory: their roots are mounted from their start until their end was recorded. */
export function hasContainers(run: string): boolean {
  const directory = join(realpathSync(run), RUN_SNAPSHOTS);
  return listMounts().some(({ target }) => target.startsWith(`${directory}/`));
}

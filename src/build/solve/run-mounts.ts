/** Makes ready what a command mounts: sources are opened, secrets fetched, sockets served, for as long as it runs. */
import { unreachable } from '#base/unreachable.ts';
import { fstatSync, mkdirSync, mkdtempSync, readlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { StepMount } from '#container/run/step-run.ts';
import { O_PATH } from '#linux/constants.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { unmountAll } from '#linux/mount.ts';
import { mountOverlay } from '#linux/overlay-mount.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { OVERLAY_OPTIONS } from '#layer/read-only-view.ts';
import { bindOptions } from './bind-options.ts';
import type { CacheDirectories } from '../cache/cache-directories.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { ExecVertex, FileSource } from '../definition/vertex.ts';
import type {
  BindMount,
  CacheMount,
  ExecMount,
  ScriptMount,
  SshMount,
  StateMount,
} from '../definition/exec-mount.ts';
import type { LayerTrees } from './layer-trees.ts';
import { hideIgnored, type IgnoredFiles } from './hide-ignored.ts';
import { RunSecrets } from './run-secrets.ts';
import type { Sources } from './file-sources.ts';
import { serveSshAgent } from '../session/ssh-agent.ts';

/** There until it is disposed. */
export interface RunMounts extends AsyncDisposable {
  readonly mounts: readonly StepMount[];
  /** More variables: secrets, and where the agent's socket is. */
  readonly environment: readonly string[];
  /** A directory with the mount points, so that they need not be made in the command's own files. */
  readonly mountPoints?: string;
  /** The snapshots of mounts whose changes are kept, by their numbers. */
  readonly states: ReadonlyMap<number, string>;
}

/** What mounts of commands are made with. */
export interface MountWork extends IgnoredFiles {
  readonly trees: Pick<LayerTrees, 'open' | 'createWritable'>;
  readonly snapshots: Pick<SnapshotStore, 'mount' | 'remove'>;
  readonly caches: Pick<CacheDirectories, 'acquire'>;
  /** Must not be in memory, for what is written there may be large. */
  readonly workDirectory: string;
}

export interface RunMountsOptions {
  readonly sources: Sources;
  readonly session?: BuildSession;
  readonly signal: AbortSignal;
}

/** @throws {EngineError} `invalid` for sources and secrets that are not there */
export async function openRunMounts(
  work: MountWork,
  { mounts = [], env }: Pick<ExecVertex, 'mounts' | 'env'>,
  options: RunMountsOptions,
): Promise<RunMounts> {
  await using undo = new AsyncDisposableStack();
  if (mounts.length === 0)
    return { mounts: [], environment: [], states: new Map(), [Symbol.asyncDispose]: () => Promise.resolve() };
  const directory = mkdtempSync(join(work.workDirectory, 'run-'));
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  const opener = new MountOpener(work, directory, undo, options);
  const opened: StepMount[] = [];
  for (const mount of mounts) opened.push(...(await opener.open(mount)));
  const mountPoints = join(directory, 'points');
  makeMountPoints(mountPoints, opened);
  const environment = opener.environment.filter(
    (entry) =>
      !entry.startsWith('SSH_AUTH_SOCK=') || !env.some((known) => known.startsWith('SSH_AUTH_SOCK=')),
  );
  const kept = undo.move();
  const { states } = opener;
  return {
    mounts: opened,
    environment,
    mountPoints,
    states,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

class MountOpener {
  readonly environment: string[] = [];
  readonly states = new Map<number, string>();
  readonly #work: MountWork;
  readonly #directory: string;
  readonly #undo: AsyncDisposableStack;
  readonly #options: RunMountsOptions;
  #secrets: RunSecrets | undefined;
  #count = 0;

  constructor(work: MountWork, directory: string, undo: AsyncDisposableStack, options: RunMountsOptions) {
    this.#work = work;
    this.#directory = directory;
    this.#undo = undo;
    this.#options = options;
  }

  /** The mounts of one option; empty for an optional one that the client does not have. */
  async open(mount: ExecMount): Promise<readonly StepMount[]> {
    switch (mount.kind) {
      case 'bind':
        return [await this.#bind(mount)];
      case 'state':
        return [await this.#state(mount)];
      case 'cache':
        return [await this.#cache(mount)];
      case 'script':
        return [this.#script(mount)];
      case 'tmpfs': {
        const size = mount.sizeBytes > 0 ? [`size=${mount.sizeBytes}`] : [];
        const options = ['nosuid', 'nodev', 'mode=1777', ...size];
        return [{ type: 'tmpfs', destination: mount.target, source: 'tmpfs', options, isFile: false }];
      }
      case 'secret': {
        const secrets = (this.#secrets ??= this.#undo.use(new RunSecrets(this.#directory)));
        const { mounts, environment } = await secrets.open(mount, this.#options);
        this.environment.push(...environment);
        return mounts;
      }
      case 'ssh':
        return await this.#ssh(mount);
      default:
        return unreachable(mount);
    }
  }

  /** The agent's socket; empty for an optional agent that the client does not have. */
  async #ssh(mount: SshMount): Promise<readonly StepMount[]> {
    const socket = await serveSshAgent(mount, this.#newDirectory(), this.#options);
    if (!socket) return [];
    this.#undo.use(socket);
    if (!this.environment.some((entry) => entry.startsWith('SSH_AUTH_SOCK=')))
      this.environment.push(`SSH_AUTH_SOCK=${mount.target}`);
    return [fileMount(mount.target, socket.path, bindOptions(false))];
  }

  async #bind({ target, source, path, writable }: BindMount): Promise<StepMount> {
    const root = await this.#tree(source, writable);
    const { realPath, isFile } = findInside(root, path);
    return { type: 'bind', destination: target, source: realPath, options: bindOptions(!writable), isFile };
  }

  async #state({ target, source, path, number }: StateMount): Promise<StepMount> {
    const { snapshots, trees } = this.#work;
    const id = trees.createWritable(await this.#options.sources.layersOf(source));
    this.#undo.defer(() => snapshots.remove(id));
    const { realPath, isFile } = findInside(snapshots.mount(id), path);
    this.states.set(number, id);
    return { type: 'bind', destination: target, source: realPath, options: bindOptions(false), isFile };
  }

  async #cache(mount: CacheMount): Promise<StepMount> {
    const { caches } = this.#work;
    const cache = this.#undo.use(await caches.acquire(mount, this.#options.sources, this.#options.signal));
    const options = bindOptions(mount.readOnly);
    return { type: 'bind', destination: mount.target, source: cache.path, options, isFile: false };
  }

  #script({ target, content }: ScriptMount): StepMount {
    const path = join(this.#newDirectory(), 'script');
    writeFileSync(path, content, { mode: 0o755 });
    return fileMount(target, path, bindOptions(true));
  }

  /** A directory with the files of a source; with `writable`, what is written there is gone afterwards. */
  async #tree(from: FileSource, writable: boolean): Promise<string> {
    const source = await this.#options.sources.local(from);
    if (source.kind !== 'local') {
      const layers = await this.#options.sources.layersOf(source);
      const { tree } = this.#undo.use(this.#work.trees.open(layers));
      return this.#overlay(typeof tree === 'string' ? [tree] : tree.stack, writable);
    }
    this.#undo.use(await source.hold());
    const hidden = await hideIgnored(this.#work, source, () => this.#newDirectory());
    return this.#overlay([...hidden, source.directory], writable);
  }

  #overlay(lowers: readonly string[], writable: boolean): string {
    const [only] = lowers;
    if (only !== undefined && lowers.length === 1 && !writable) return only;
    const directory = this.#newDirectory();
    const place = (name: string) => {
      const path = join(directory, name);
      mkdirSync(path, { mode: 0o755 });
      return path;
    };
    const target = place('merged');
    const changes = writable ? { upper: place('upper'), work: place('work'), volatile: true } : {};
    mountOverlay({ target, lowers, ...changes, options: OVERLAY_OPTIONS });
    this.#undo.defer(() => unmountAll(target));
    return target;
  }

  #newDirectory(): string {
    this.#count += 1;
    const path = join(this.#directory, `mount-${this.#count}`);
    mkdirSync(path, { mode: 0o755 });
    return path;
  }
}

function fileMount(destination: string, source: string, options: readonly string[]): StepMount {
  return { type: 'bind', destination, source, options, isFile: true };
}

/** Links in the path stay inside. @throws {EngineError} `invalid` if it is not there */
function findInside(root: string, path: string): { readonly realPath: string; readonly isFile: boolean } {
  using rootFd = ownFd(openDirectory(root));
  try {
    using found = ownFd(openInRoot(rootFd.fd, path, O_PATH));
    const isFile = !fstatSync(found.fd).isDirectory();
    return { realPath: readlinkSync(`/proc/self/fd/${found.fd}`), isFile };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP'))
      throw new EngineError('invalid', `Cannot mount ${path}: not found`, { cause: error });
    throw error;
  }
}

function makeMountPoints(root: string, mounts: readonly StepMount[]): void {
  mkdirSync(root, { mode: 0o755 });
  for (const { destination, isFile } of mounts) {
    const path = join(root, destination);
    try {
      mkdirSync(isFile ? dirname(path) : path, { recursive: true, mode: 0o755 });
      if (isFile) writeFileSync(path, '', { flag: 'wx', mode: 0o644 });
    } catch (error) {
      // One mount is below another that is a file: the runtime tells that better.
      if (!isErrno(error, 'EEXIST', 'ENOTDIR')) throw error;
    }
  }
}

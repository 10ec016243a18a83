import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { unmountAll } from '#linux/mount.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { parseBoolean } from '#base/booleans.ts';
import { buildError } from '../build-errors.ts';
import type { BuildRequest, ContextSource } from '../build.ts';
import type { LocalFiles } from '../definition/vertex.ts';
import { CONTEXT_TASK, dockerfileTask, type ProgressTask } from '../progress/build-progress.ts';
import type { Movement } from '../progress/pull-movement.ts';
import { receiveArchive } from './archive-context.ts';
import type { ContextSourceFiles, ContextWork, SourceOptions } from './context-source.ts';
import { fetchContext } from './remote-context.ts';
import { pathsTaken } from './paths-taken.ts';
import { SessionContext } from './session-context.ts';
import { ignoreFileNames, parseIgnoreFile } from '#oci/ignore.ts';
import { UseCount } from '#base/use-count.ts';
import { permitUnchanged } from '../policy/permitted-sources.ts';
import { SourcePolicies } from '../policy/source-policies.ts';
import { checkFrontend } from '../plan/frontend.ts';
import type { Plan } from '../plan/plan.ts';
import { receiving } from './receiving.ts';
import { inDirectory, layersContext } from './whole-directory.ts';

/** The part of `ROOT/builds` that stays; everything else there belongs to builds that run. */
export const CONTEXTS = 'contexts';
export const CACHES = 'caches';
export const DOWNLOADS = 'downloads';
const KEPT: readonly string[] = [CONTEXTS, CACHES, DOWNLOADS];

/** The files of one build, gone when it is disposed. */
export interface BuildContext {
  /** What the client has, without what the ignore file says: to be named in a plan before it is received. */
  readonly files: LocalFiles;
  /** The files of named contexts, by name in lower case. */
  readonly named: ReadonlyMap<string, LocalFiles>;
  /** A directory for files that the Dockerfile holds itself. */
  makeDirectory(): string;
  /** Keeps those directories until it is disposed. */
  hold(): Promise<Disposable>;
}

/** What a build begins with: its Dockerfile, and a context whose files come when it is known which are needed. */
export interface BuildInputs extends AsyncDisposable {
  /** The Dockerfile. */
  readonly text: string;
  readonly context: BuildContext;
  /**
   * Must be called before anything of the plans is solved.
   *
   * @param scans what scans of packages cover is needed as well
   */
  receive(plans: readonly Plan[], options: { readonly scans: boolean }): Promise<void>;
}

/** Tells of work that is no step of the Dockerfile. */
type During = <T>(name: string, work: (task: ProgressTask) => Promise<T>) => Promise<T>;

/**
 * @throws {EngineError} `invalid` for a Dockerfile that is not there, or an archive that is none, and what
 *   `checkFrontend` throws
 */
export async function openInputs(
  work: ContextWork,
  request: BuildRequest,
  during: During,
): Promise<BuildInputs> {
  await using undo = new AsyncDisposableStack();
  const directories = undo.use(new BuildDirectories(work.workDirectory));
  const holds = new UseCount();
  undo.defer(() => holds.unused());
  const policies = new SourcePolicies(request.sourcePolicies);
  const makeRoot = () => directories.make('source-');
  const open = async (source: ContextSource) => {
    permitContext(policies, source);
    return undo.use(await openSource(work, request, source, { makeRoot, policies }));
  };
  const { main: whole, text, ignore } = await openMain(request, open, during);
  const main = inDirectory(whole, request.contextDirectory ?? '');
  checkFrontend(text, request);
  const taken = new Map<LocalFiles, TakenSource>();
  // What a build has made counts as it is.
  const isMade = request.context.kind === 'layers';
  const files = main.files(isMade ? [] : parseIgnoreFile(ignore ?? (await loadIgnoreFile(main, during))));
  taken.set(files, { task: CONTEXT_TASK, name: 'context', source: main });
  const named = new Map<string, LocalFiles>();
  for (const [name, context] of Object.entries(request.namedContexts ?? {})) {
    if (context.kind === 'image' || context.kind === 'oci-layout') continue;
    const title = `[context ${name}]`;
    const source =
      context.kind === 'remote'
        ? await during(`${title} ${context.url}`, () => open(context))
        : await open(context);
    const files = source.files(parseIgnoreFile(await loadIgnoreFile(source, during, { title, name })));
    named.set(name.toLowerCase(), files);
    taken.set(files, { task: `${title} load from client`, name, source });
  }
  const kept = undo.move();
  const makeDirectory = () => directories.make('files-');
  return {
    text,
    context: { files, named, makeDirectory, hold: () => Promise.resolve(holds.use()) },
    receive: (plans, { scans }) =>
      receiveTaken(
        { taken: pathsTaken(plans), scanned: scans ? pathsScanned(plans) : new Map() },
        taken,
        during,
      ),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Directories of one build, made when they are needed. */
class BuildDirectories implements AsyncDisposable {
  readonly #workDirectory: string;
  #root: string | undefined;

  constructor(workDirectory: string) {
    this.#workDirectory = workDirectory;
  }

  /** @returns an empty directory */
  make(prefix: string): string {
    this.#root ??= mkdtempSync(join(this.#workDirectory, 'build-'));
    return mkdtempSync(join(this.#root, prefix));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#root !== undefined) await rm(this.#root, { recursive: true, force: true });
  }
}

interface MainInputs extends ReadDockerfile {
  readonly main: ContextSourceFiles;
}

/** The context, and the Dockerfile that is in it or beside it. */
async function openMain(
  { context, dockerfile, dockerfileSource = besideOf(context) }: BuildRequest,
  open: (source: ContextSource) => Promise<ContextSourceFiles>,
  during: During,
): Promise<MainInputs> {
  const main =
    context.kind === 'session' ? await open(context) : await during(CONTEXT_TASK, () => open(context));
  const files = dockerfileSource ? await open(dockerfileSource) : main;
  const read = await during(dockerfileTask(dockerfile), async ({ moves }) => {
    const found = await readDockerfile(files, dockerfile);
    moves(transferred('transferring dockerfile:', found.text));
    return found;
  });
  return { main, ...read };
}

function loadIgnoreFile(
  files: ContextSourceFiles,
  during: During,
  { title, name } = { title: '[internal]', name: 'context' },
): Promise<string> {
  return during(`${title} load .dockerignore`, async ({ moves }) => {
    const read = await readIgnoreFile(files);
    moves(transferred(`transferring ${name}:`, read));
    return read;
  });
}

interface TakenSource {
  readonly task: string;
  /** As progress calls the files. */
  readonly name: string;
  readonly source: ContextSourceFiles;
}

function transferred(id: string, text: string): Movement {
  return { id, name: 'transferring', current: Buffer.byteLength(text), isDone: true };
}

/** Where a Dockerfile is that comes with a client's directory. */
function besideOf({ kind }: ContextSource): ContextSource | undefined {
  return kind === 'session' ? { kind, directory: 'dockerfile' } : undefined;
}

/** URLs are judged where it is known what they are. */
function permitContext(policies: SourcePolicies, source: ContextSource): void {
  if (source.kind === 'session') permitUnchanged(policies, `local://${source.directory}`);
  else if (source.kind === 'tar' && source.url !== undefined) permitUnchanged(policies, source.url);
}

async function openSource(
  work: ContextWork,
  { session, buildArgs, signal }: BuildRequest,
  source: ContextSource,
  { makeRoot, policies }: { readonly makeRoot: () => string; readonly policies: SourcePolicies },
): Promise<ContextSourceFiles> {
  if (source.kind === 'session' && session)
    return new SessionContext(work, session, source.directory, { makeRoot, signal });
  const options: SourceOptions = { root: makeRoot(), signal };
  if (source.kind === 'tar') return await receiveArchive(work.intake, source.stream, options);
  if (source.kind === 'layers') return layersContext(work.trees, source.layers);
  if (source.kind === 'remote')
    return await fetchContext(work, source.url, {
      ...options,
      policies,
      ...(session && { session }),
      keepsGitDirectory: parseBoolean(buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR']),
    });
  throw new EngineError('invalid', 'Cannot receive build context: there is no session');
}

type Paths = ReturnType<typeof pathsTaken>;

/** A scan of the context sees what is taken of it, and all of a context of which nothing is. */
function pathsScanned(plans: readonly Plan[]): Paths {
  return pathsTaken(plans.flatMap(({ scanTargets }) => scanTargets.map((result) => ({ result }))));
}

/** Only what is taken is asked for. */
async function receiveTaken(
  { taken, scanned }: { readonly taken: Paths; readonly scanned: Paths },
  sources: ReadonlyMap<LocalFiles, TakenSource>,
  during: During,
): Promise<void> {
  await Promise.all(
    [...sources].map(async ([files, { task, name, source }]) => {
      const paths = taken.get(files) ?? scanned.get(files);
      if (!paths || source.isWhole) return;
      await during(task, receiving(source, paths, name));
    }),
  );
}

interface ReadDockerfile {
  readonly text: string;
  /** The ignore file that belongs to it alone. */
  readonly ignore: string | undefined;
}

/** @throws {EngineError} `invalid` */
async function readDockerfile(source: ContextSourceFiles, path: string): Promise<ReadDockerfile> {
  const [ignorePath] = ignoreFileNames(path);
  const names = /(?:^|\/)Dockerfile$/.test(path) ? [path, path.replace(/D(?=[a-z]*$)/, 'd')] : [path];
  const texts = await source.read([...names, ignorePath]);
  const text = names.map((name) => texts.get(name)).find((text) => text !== undefined);
  if (text === undefined) throw buildError('dockerfile-missing', { subject: path });
  if (text.trim() === '') throw buildError('dockerfile-empty', { subject: path });
  return { text, ignore: texts.get(ignorePath) };
}

async function readIgnoreFile(source: ContextSourceFiles): Promise<string> {
  const [, name] = ignoreFileNames('');
  const texts = await source.read([name]);
  return texts.get(name) ?? '';
}

/** Removes what builds of a former process have left. */
export async function removeFormerContexts(workDirectory: string): Promise<void> {
  for (const { target } of listMounts()) if (target.startsWith(`${workDirectory}/`)) unmountAll(target);
  const left = (await readdir(workDirectory)).filter((name) => !KEPT.includes(name));
  await Promise.all(left.map((name) => rm(join(workDirectory, name), { recursive: true, force: true })));
}

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { newId, shortId } from '#base/ids.ts';
import { signalIfAlive } from '#linux/process.ts';
import type { OutputStream } from '#log/log.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { Digest } from '#oci/digest.ts';
import { promptly } from '../files/root-access.ts';
import { checkProgram } from '../program/check-program.ts';
import type { ContainerSpec } from '../container-spec.ts';
import type { ContainerContext } from '../context.ts';
import { untilDrained } from '../process/drain.ts';
import { fitToHost } from '../create/host-requirements.ts';
import { chooseNamespaces } from './join-namespaces.ts';
import { sandboxRequest } from './sandbox-request.ts';
import { missingMountPoints, removeMountPoints } from '../mounts/mount-points.ts';
import type { ResolvedMount } from '../mounts/mounts.ts';
import { runCommand } from '../process/runtime-command.ts';
import { runtimeError, startFailure } from '../process/runtime-failure.ts';
import { selectSeccomp } from '../spec/select-seccomp.ts';
import { deviceQuery, lookForDevices } from '../spec/spec-devices.ts';
import { stringifySpec } from '../spec/spec-json.ts';
import type { InjectedFiles } from '../spec/spec-mounts.ts';
import { buildSpec } from '../spec/spec.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import { freshDirectory } from '../process/supervisor.ts';
import { withAllUlimits } from '../spec/ulimits.ts';
import { resolveUser } from '../spec/user.ts';

const SIGKILL = 9;

/** A mount whose source is there until the process has ended. */
export interface UnlistedMount extends ResolvedMount {
  readonly isFile: boolean;
}

/** One process in a container that is in no list and no record: a step of a build. */
export interface UnlistedRequest {
  /** Bottom first. */
  readonly layers: readonly Digest[];
  /** Complete but for what the host decides; its `mounts` do not count. */
  readonly spec: ContainerSpec;
  readonly mounts: readonly UnlistedMount[];
  /** A directory with mount points: it lies below the layers, so that none of it is a change. Outlives the run. */
  readonly mountPoints?: string;
  readonly onOutput: (stream: OutputStream, data: Buffer) => void;
  /** Kills the process. */
  readonly signal: AbortSignal;
}

/** The process has ended; disposing removes what it wrote. */
export interface UnlistedRun extends AsyncDisposable {
  readonly exitCode: number;
  /** What it changed, as a layer tar. */
  diff(): Promise<Readable>;
}

/**
 * Runs a process to its end. A daemon that dies meanwhile leaves what the next start removes as an unfinished start.
 *
 * @throws {EngineError} `invalid` if the runtime refuses it, `aborted` when the signal fires
 */
export async function runUnlisted(context: ContainerContext, request: UnlistedRequest): Promise<UnlistedRun> {
  request.signal.throwIfAborted();
  const id = newId();
  await using undo = new AsyncDisposableStack();
  const { layers, mountPoints } = request;
  context.snapshots.create({
    id,
    layers,
    volatile: true,
    ...(mountPoints !== undefined && { bottom: mountPoints }),
  });
  undo.defer(() => context.snapshots.remove(id));
  const exitCode = await runInSnapshot(context, id, request);
  const kept = undo.move();
  return {
    exitCode,
    diff: () => context.snapshots.diff(id),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function runInSnapshot(
  context: ContainerContext,
  id: string,
  request: UnlistedRequest,
): Promise<number> {
  const fitted = { ...request, spec: withHostname(id, fitToHost(request.spec, context)) };
  await using undo = new AsyncDisposableStack();
  const bundle = freshDirectory(context.paths.bundle(id));
  undo.defer(() => rmSync(bundle, { recursive: true, force: true }));
  const sandbox = await context.networks.acquire({
    ...sandboxRequest(id, shortId(id), fitted.spec),
    files: filesIn(bundle),
  });
  undo.defer(() => context.networks.release(sandbox));
  writeBundle(context, { id, bundle, sandbox, request: fitted });
  const rootPath = context.snapshots.mount(id);
  const stubs = missingMountPoints(rootPath, request.mounts);
  undo.defer(() => removeMountPoints(rootPath, stubs));
  const process = await launch(context, id, bundle);
  undo.defer(() => process.release());
  return await watch(process, request);
}

function writeBundle(
  context: ContainerContext,
  step: {
    readonly id: string;
    readonly bundle: string;
    readonly sandbox: SandboxRecord;
    readonly request: UnlistedRequest;
  },
): void {
  const { id, bundle, sandbox } = step;
  const wanted = withAllUlimits(context, step.request.spec);
  const rootPath = context.snapshots.mount(id);
  const spec = buildSpec({
    id,
    spec: wanted,
    rootPath,
    hostname: wanted.hostname ?? '',
    domainname: '',
    ...(sandbox.namespacePath !== undefined && { networkNamespacePath: sandbox.namespacePath }),
    namespaces: chooseNamespaces(context, wanted.namespaces),
    mounts: step.request.mounts,
    files: filesIn(bundle),
    user: resolveUser({ rootPath, user: wanted.process.user ?? '' }, promptly),
    // A step has no devices but /dev's own.
    devices: lookForDevices(deviceQuery(wanted)),
    cgroupsPath: join('/', wanted.limits.cgroupParent ?? context.defaults.cgroupParent, id),
    cgroupLayout: context.cgroupLayout,
    seccomp: selectSeccomp(wanted.security, context.seccomp),
  });
  checkProgram({ rootPath, process: spec.process, mounts: spec.mounts }, promptly);
  writeFileSync(join(bundle, 'config.json'), stringifySpec(spec));
}

function withHostname(id: string, spec: ContainerSpec): ContainerSpec {
  return { ...spec, hostname: spec.hostname ?? shortId(id) };
}

/** The name of the image's machine is the image's: a build may set it. */
function filesIn(bundle: string): InjectedFiles {
  return { hosts: join(bundle, 'hosts'), resolvConf: join(bundle, 'resolv.conf') };
}

async function launch(context: ContainerContext, id: string, bundle: string): Promise<SupervisedProcess> {
  using _permit = await context.starts.acquire();
  const outcome = await context.supervisor.start({
    id,
    directory: bundle,
    command: (files) => runCommand(context, id, files, false),
    input: 'none',
    recorded: false,
  });
  if (outcome.started) return outcome.process;
  throw runtimeError(startFailure(outcome.reason));
}

/** Resolves after the last output. */
async function watch(process: SupervisedProcess, { onOutput, signal }: UnlistedRequest): Promise<number> {
  const { pid, startTime } = process.identity;
  const kill = () => signalIfAlive(pid, SIGKILL, startTime);
  signal.addEventListener('abort', kill);
  try {
    if (signal.aborted) kill();
    const ended = [...process.streams.sources].map(
      ([source, stream]) =>
        new Promise<void>((resolve) => {
          source.on('data', (data: Buffer) => onOutput(stream, data));
          source.once('close', resolve);
        }),
    );
    const { exitCode } = await process.exited;
    await untilDrained(Promise.all(ended).then(() => undefined));
    for (const source of process.streams.sources.keys()) source.destroy();
    if (signal.aborted)
      throw new EngineError('aborted', 'Cannot finish process: nobody waits for it any more');
    return exitCode;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

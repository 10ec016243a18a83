import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { containerLane } from '../files/lanes.ts';
import { findUser, requireRunnable, type RootPlace } from '../files/root-files.ts';
import type { ProgramPlace } from '../program/check-program.ts';
import type { Attachment, ExecSpec, ExecStart, ExecView, TerminalSize } from '../container.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerContext } from '../context.ts';
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from '#base/detach-keys.ts';
import { untilDrained } from '../process/drain.ts';
import { ExecProcess } from './exec-process.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import { execCommand, terminalOf } from '../process/runtime-command.ts';
import { execFailure, runtimeError } from '../process/runtime-failure.ts';
import { withRuntimeOf } from '../process/runtimes.ts';
import { notRunning } from '../run/signal.ts';
import { stringifyProcess } from '../spec/spec-json.ts';
import { buildExecProcess, capabilitiesOf } from '../spec/spec.ts';
import { StreamAttachment } from '../streams/stream-attachment.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import { freshDirectory } from '../process/supervisor.ts';
import { withAllUlimits } from '../spec/ulimits.ts';

/** How long an exec that has ended can be inspected. */
const REMEMBERED_MS = 5 * 60_000;

/** The execs of all containers. */
export class Execs {
  readonly #context: ContainerContext;
  readonly #execs = new Map<string, ExecProcess>();
  /** Containers that have had privileged execs. */
  readonly #administered = new WeakSet<ManagedContainer>();

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  /** @throws {EngineError} `conflict` if the container does not run or is paused */
  create(container: ManagedContainer, spec: ExecSpec): { readonly id: string } {
    checkActive(container);
    if (spec.detachKeys !== '') parseDetachKeys(spec.detachKeys);
    this.#forgetOld();
    const exec = new ExecProcess(newId(), container, spec, this.#context.logger);
    this.#execs.set(exec.id, exec);
    container.execIds.add(exec.id);
    exec.emit(`exec_create: ${exec.commandLine}`);
    return { id: exec.id };
  }

  /** @throws {EngineError} `not-found` */
  inspect(id: string): ExecView {
    return this.#get(id).view();
  }

  /** @throws {EngineError} `not-found`, `conflict` if it does not run */
  resize(id: string, size: TerminalSize): void {
    const exec = this.#get(id);
    checkActive(exec.container);
    exec.resize(size);
  }

  /**
   * Attached, returns at once: that it cannot run is said in its output, and by its exit code.
   *
   * @throws {EngineError} `invalid` detached, if it cannot run; `conflict` if it was started before
   */
  async start(id: string, options: ExecStart): Promise<Attachment | undefined> {
    const exec = this.#get(id);
    checkActive(exec.container);
    checkFresh(exec);
    exec.state = { status: 'starting', ...(options.consoleSize && { size: options.consoleSize }) };
    exec.emit(`exec_start: ${exec.commandLine}`);
    const attachment = options.detach ? undefined : attach(exec);
    const launched = this.#launch(exec);
    if (!attachment) {
      await launched;
      return undefined;
    }
    const { describeFailure = messageOf } = options;
    launched
      .catch((error) => exec.hub.say(Buffer.from(`${describeFailure(error)}\r\n`)))
      .finally(() => this.#endStreams(exec));
    return attachment;
  }

  /** Those of a container that is gone. */
  forget(container: ManagedContainer): void {
    for (const id of container.execIds) this.#execs.delete(id);
    container.execIds.clear();
  }

  /** Leaves what runs to the next daemon. */
  detach(): void {
    for (const { state, hub } of this.#execs.values()) {
      if (state.status !== 'running') continue;
      hub.detach();
      hub.endListeners();
      state.process.detach();
    }
  }

  #get(id: string): ExecProcess {
    const exec = this.#execs.get(id);
    if (exec) return exec;
    throw containerError('no-such-exec', { subject: id });
  }

  #rootOf(container: ManagedContainer): RootPlace {
    const { id, spec } = container;
    const { files, snapshots } = this.#context;
    const rootPath = snapshots.get(id)?.mountPath ?? '/';
    const isWatched =
      this.#administered.has(container) || capabilitiesOf(spec.security).includes('CAP_SYS_ADMIN');
    return { files, rootPath, lane: containerLane(id), isWatched };
  }

  /** Resolves when the process runs. */
  async #launch(exec: ExecProcess): Promise<void> {
    const directory = freshDirectory(this.#context.paths.exec(exec.id));
    try {
      const process = await this.#supervise(exec, directory);
      const wanted = exec.state.status === 'starting' ? exec.state.size : undefined;
      exec.state = { status: 'running', process };
      if (wanted) process.resize(wanted);
      exec.hub.open(process.streams.sources);
      exec.input.open(process.streams.input);
      void process.exited.then(({ exitCode }) =>
        this.#context.pending.add('ending an exec failed', this.#onExit(exec, process, exitCode)),
      );
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      this.#end(exec, exitCodeOf(error), 0);
      throw error;
    }
  }

  async #supervise(exec: ExecProcess, directory: string): Promise<SupervisedProcess> {
    const { container, state } = exec;
    const size = state.status === 'starting' ? state.size : undefined;
    const spec: ExecSpec = size ? { ...exec.spec, terminalSize: size } : exec.spec;
    const processFile = join(directory, 'process.json');
    const root = this.#rootOf(container);
    const { user = '', groups } = container.spec.process;
    const process = buildExecProcess({
      exec: spec,
      spec: withAllUlimits(this.#context, container.spec),
      user: await findUser(root, { user: spec.user ?? user, groupAdd: groups }),
    });
    await requireRunnable(root, { process, ...mountsOf(container) });
    if (spec.privileged) this.#administered.add(container);
    writeFileSync(processFile, stringifyProcess(process));
    const own = withRuntimeOf(this.#context, container.id);
    const terminal = terminalOf(own, { terminal: spec.terminal, ...(size && { terminalSize: size }) });
    const outcome = await this.#context.supervisor.start({
      id: exec.id,
      directory,
      command: (files) => execCommand(own, container.id, processFile, files),
      input: spec.attachesStdin && !spec.terminal ? 'once' : 'none',
      recorded: false,
      ...(terminal && { terminal }),
    });
    if (outcome.started) return outcome.process;
    throw runtimeError(execFailure(outcome.reason));
  }

  async #onExit(exec: ExecProcess, process: SupervisedProcess, exitCode: number): Promise<void> {
    exec.hub.finish();
    await untilDrained(exec.hub.drained);
    this.#end(exec, exitCode, process.identity.pid);
    this.#endStreams(exec);
    exec.emit('exec_die', { exitCode: String(exitCode) });
    await process.release();
  }

  #end(exec: ExecProcess, exitCode: number, pid: number): void {
    exec.state = { status: 'ended', exitCode, pid, endedAtMs: performance.now() };
    exec.container.execIds.delete(exec.id);
  }

  /** Only once it has ended: its clients ask for the exit code as soon as their streams end. */
  #endStreams(exec: ExecProcess): void {
    if (exec.state.status !== 'ended') return;
    exec.hub.close();
    exec.input.close();
    exec.hub.endListeners();
  }

  #forgetOld(): void {
    const before = performance.now() - REMEMBERED_MS;
    for (const [id, { state }] of this.#execs) {
      if (state.status === 'ended' && state.endedAtMs < before) this.#execs.delete(id);
    }
  }
}

function checkActive(container: ManagedContainer): void {
  if (!container.run) throw notRunning(container);
  if (container.state.status !== 'paused') return;
  throw containerError('paused-for-exec', { subject: container.id });
}

function checkFresh({ id, state }: ExecProcess): void {
  if (state.status === 'created') return;
  throw containerError(state.status === 'ended' ? 'exec-has-run' : 'exec-runs', { subject: id });
}

/** What is mounted in a container at this moment, by its own processes too. */
function mountsOf({ run, definition }: ManagedContainer): Pick<ProgramPlace, 'mounts' | 'pid'> {
  return { mounts: definition.mounts.mounts, ...(run && { pid: run.process.pid }) };
}

function attach(exec: ExecProcess): StreamAttachment {
  const { spec, hub, input } = exec;
  const scanner = new DetachScanner(parseDetachKeys(spec.detachKeys || DEFAULT_DETACH_KEYS));
  return new StreamAttachment(hub, {
    tty: spec.terminal,
    stdout: spec.attachesStdout,
    stderr: spec.attachesStderr,
    ...(spec.attachesStdin && { input }),
    closesInput: !spec.terminal,
    ...(spec.terminal && { detach: { scanner, onDetach: () => exec.emit('exec_detach') } }),
  });
}

/** What dockerd reports for an exec that did not start. */
function exitCodeOf(error: unknown): number {
  const text = messageOf(error);
  const isMissing = /executable file not found|no such file or directory/i.test(text);
  return isMissing && !text.includes('chdir to') ? 127 : 126;
}

import type { BackgroundWork } from '#base/background-work.ts';
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from '#base/detach-keys.ts';
import { messageOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Attachment, ExecSpec, ExecStart, ExecView } from '../container.ts';
import type { TerminalSize } from '../container-spec.ts';
import { containerError } from '../container-errors.ts';
import { untilDrained } from '../process/drain.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import type { Lookup } from '../lookup.ts';
import type { Container } from '../run/container.ts';
import type { Run } from '../run/run.ts';
import { startExitCode } from '../process/start-exit-code.ts';
import { StreamAttachment } from '../streams/stream-attachment.ts';
import { ExecProcess } from './exec-process.ts';
import type { ContainerProcesses } from './run-process.ts';

/** How long an exec that has ended can be inspected. */
const REMEMBERED_MS = 5 * 60_000;

export interface ExecRoles {
  readonly lookup: Pick<Lookup<Container>, 'byId'>;
  readonly processes: ContainerProcesses;
  readonly background: BackgroundWork;
  readonly logger: Logger;
}

/** The records of execs, by which clients start, watch and inspect processes in containers. */
export class Execs {
  readonly #roles: ExecRoles;
  readonly #execs = new Map<string, ExecProcess>();

  constructor(roles: ExecRoles) {
    this.#roles = roles;
  }

  /**
   * @param reference how the client names the container
   * @throws {EngineError} `conflict` if the container does not run or is paused
   */
  create(container: Container, reference: string, spec: ExecSpec): { readonly id: string } {
    const { active } = activeRun(container, reference);
    if (spec.detachKeys !== '') parseDetachKeys(spec.detachKeys);
    this.#forgetOld();
    const exec = new ExecProcess(newId(), container, spec, this.#roles.logger);
    this.#execs.set(exec.id, exec);
    active.execs.add(exec.id);
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
    activeRun(exec.container);
    exec.resize(size);
  }

  /**
   * An attached start returns at once; why the process cannot run stands in its output and its exit code.
   *
   * @throws {EngineError} `invalid` detached, if it cannot run; `conflict` if it was started before
   */
  async start(id: string, options: ExecStart): Promise<Attachment | undefined> {
    const exec = this.#get(id);
    activeRun(exec.container);
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
      .catch((error) => exec.streams.output.say(Buffer.from(`${describeFailure(error)}\r\n`)))
      .finally(() => this.#endStreams(exec));
    return attachment;
  }

  /** Leaves what runs to the next daemon. */
  detach(): void {
    for (const { state, streams } of this.#execs.values()) {
      if (state.status !== 'running') continue;
      streams.detach();
      state.process.detach();
    }
  }

  #get(id: string): ExecProcess {
    const exec = this.#execs.get(id);
    if (exec && this.#isThere(exec)) return exec;
    throw containerError('no-such-exec', { subject: id });
  }

  /** The execs of a container go with it. */
  #isThere({ container }: ExecProcess): boolean {
    return this.#roles.lookup.byId(container.id) !== undefined;
  }

  /** Resolves when the process runs. */
  async #launch(exec: ExecProcess): Promise<void> {
    const { processes, background } = this.#roles;
    try {
      const { process, wantedSize } = await this.#run(exec, processes);
      exec.state = { status: 'running', process };
      if (wantedSize) process.resize(wantedSize);
      exec.streams.open(process.streams);
      void process.exited.then(({ exitCode }) =>
        background.add('ending an exec failed', this.#onExit(exec, process, exitCode)),
      );
    } catch (error) {
      this.#end(exec, startExitCode(error, 'exec'), 0);
      throw error;
    }
  }

  /** Its client may want another size of its terminal before it runs. */
  async #run(
    exec: ExecProcess,
    processes: ContainerProcesses,
  ): Promise<{ readonly process: SupervisedProcess; readonly wantedSize: TerminalSize | undefined }> {
    const { id, container, spec } = exec;
    const size = exec.startingSize;
    const process = await processes.start(container, {
      id,
      spec: { ...spec, ...(size && { terminalSize: size }) },
      input: spec.attachesStdin && !spec.terminal ? 'once' : 'none',
    });
    return { process, wantedSize: exec.startingSize };
  }

  async #onExit(exec: ExecProcess, process: SupervisedProcess, exitCode: number): Promise<void> {
    const { output } = exec.streams;
    output.finish();
    await untilDrained(output.drained);
    this.#end(exec, exitCode, process.identity.pid);
    this.#endStreams(exec);
    exec.emit('exec_die', { exitCode: String(exitCode) });
    await process.release();
  }

  #end(exec: ExecProcess, exitCode: number, pid: number): void {
    exec.state = { status: 'ended', exitCode, pid, endedAtMs: performance.now() };
    exec.container.run?.active.execs.delete(exec.id);
  }

  /** The streams end after the process is recorded as ended: clients ask for its exit code as soon as they end. */
  #endStreams(exec: ExecProcess): void {
    if (exec.state.status !== 'ended') return;
    exec.streams.output.close();
    void exec.streams.end();
  }

  #forgetOld(): void {
    const before = performance.now() - REMEMBERED_MS;
    for (const [id, exec] of this.#execs) {
      const { state } = exec;
      const isOld = state.status === 'ended' && state.endedAtMs < before;
      if (isOld || !this.#isThere(exec)) this.#execs.delete(id);
    }
  }
}

/** @throws {EngineError} `conflict` if it does not run or is paused */
function activeRun(container: Container, reference = container.id): Run {
  const { run, state } = container;
  if (!run) throw containerError('container-not-running', { subject: container.id });
  if (state.status === 'paused') throw containerError('paused-for-exec', { subject: reference });
  return run;
}

function checkFresh({ id, state }: ExecProcess): void {
  if (state.status === 'created') return;
  throw containerError(state.status === 'ended' ? 'exec-has-run' : 'exec-runs', { subject: id });
}

function attach(exec: ExecProcess): StreamAttachment {
  const { spec, streams } = exec;
  const scanner = new DetachScanner(parseDetachKeys(spec.detachKeys || DEFAULT_DETACH_KEYS));
  return new StreamAttachment(streams.output, {
    tty: spec.terminal,
    stdout: spec.attachesStdout,
    stderr: spec.attachesStderr,
    ...(spec.attachesStdin && { input: streams.input }),
    closesInput: !spec.terminal,
    ...(spec.terminal && { detach: { scanner, onDetach: () => exec.emit('exec_detach') } }),
  });
}

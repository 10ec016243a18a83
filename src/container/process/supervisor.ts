import { closeSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unlessErrno } from '#base/errno.ts';
import type { CgroupMoves } from '#linux/cgroup-moves.ts';
import { NullDevices } from '#linux/null-device.ts';
import { isAlive, parentOf, signalIfAlive } from '#linux/process.ts';
import { ConsoleSocket } from '#linux/console-socket.ts';
import { adoptPipes } from './adopt-pipes.ts';
import { untilExecuted } from './execution.ts';
import { MonitorWatch } from './monitor-watch.ts';
import type { TerminalSize } from '../container-spec.ts';
import { RuntimeTerminal } from './runtime-terminal.ts';
import {
  type MemoryWatch,
  acknowledge,
  isMonitored,
  readMonitor,
  startMonitor,
  startUnrecorded,
} from './monitor.ts';
import { StatusFiles } from './status-files.ts';
import { type InputMode, type MonitorDescriptors, type OpenPipes, createPipes } from './process-pipes.ts';
import { ProcessTerminal, holdTerminal, takeTerminal } from './process-terminal.ts';
import { readReason } from './runtime-log.ts';
import type { ProcessIdentity } from '../run/state.ts';
import { SupervisedProcess, identify } from './supervised-process.ts';
import { receiveMaster } from './terminal-handover.ts';

const SIGKILL = 9;
const WAIT_MS = 5;
/** Half a minute: where much is going on, a process that was just started has not run yet. */
const MAXIMUM_WAITS = 6000;

/** The files that the runtime is told to write. */
export interface RuntimeFiles {
  readonly pidFile: string;
  /** JSON, one error a line. */
  readonly log: string;
  readonly consoleSocket?: string;
}

/**
 * Whether the runtime makes the process's terminal and hands it over (`--console-socket`), or is given one, and as long
 * as the process lives copies between that and the one that it makes.
 */
export type TerminalRequest =
  | { readonly from: 'runtime' }
  | { readonly from: 'engine'; readonly size?: TerminalSize };

export interface SuperviseRequest {
  readonly id: string;
  /** Exists, empty but for what the command reads; belongs to the process until it is released. */
  readonly directory: string;
  readonly command: (files: RuntimeFiles) => readonly string[];
  readonly input: InputMode;
  /** Absent: it has pipes. */
  readonly terminal?: TerminalRequest;
  /** Whether its exit code is for the next daemon, too; that takes a shell more. */
  readonly recorded: boolean;
  /** Only a recorded process has one. */
  readonly memory?: MemoryWatch;
}

export type StartOutcome =
  | { readonly started: true; readonly process: SupervisedProcess }
  /** The runtime's own words, one line; nothing is left of the attempt but the directory. */
  | { readonly started: false; readonly reason: string };

interface Attempt {
  readonly request: SuperviseRequest;
  readonly monitorPid: number;
  readonly watch: MonitorWatch;
}

/** Starts processes under monitors and adopts those that a former daemon started. */
export class Supervisor implements Disposable {
  readonly #statusFiles: StatusFiles;
  readonly #moves: CgroupMoves;
  readonly #nullDevices = new NullDevices();

  /** @param moves is the supervisor's from now on */
  constructor(statusDirectory: string, moves: CgroupMoves) {
    this.#statusFiles = new StatusFiles(statusDirectory);
    this.#moves = moves;
  }

  /** Resolves when the process has been executed, or cannot be. */
  async start(request: SuperviseRequest): Promise<StartOutcome> {
    this.#statusFiles.remove(request.id);
    const { terminal } = request;
    if (!terminal) return await this.#startWithPipes(request);
    if (terminal.from === 'runtime') return await this.#startWithTerminal(request);
    return await this.#startOnRuntimeTerminal(request, terminal.size);
  }

  /** Adopts a process that runs, or has ended while no daemon was there. */
  reattach(known: {
    readonly id: string;
    readonly directory: string;
    readonly input: InputMode;
    readonly identity: ProcessIdentity;
    readonly monitor: ProcessIdentity;
    readonly holder?: ProcessIdentity;
  }): SupervisedProcess {
    const { holder } = known;
    const terminal = holder && isAlive(holder.pid, holder.startTime) ? reopenTerminal(holder.pid) : undefined;
    const monitorPid = livingPid(known.monitor);
    const pipes = holder ? undefined : adoptPipes({ ...known, monitorPid });
    const streams = terminal?.streams ?? pipes ?? { sources: new Map() };
    return new SupervisedProcess({
      ...known,
      streams,
      ...(terminal && { terminal }),
      watch: new MonitorWatch(this.#statusFiles, known.id, monitorPid, livingPid(known.identity)),
      statusFiles: this.#statusFiles,
    });
  }

  /** Kills what a former daemon started and never recorded, and removes its directory. */
  async discard(id: string, directory: string): Promise<void> {
    const monitorPid = await this.#findMonitor(id, directory);
    if (monitorPid !== undefined) await this.#endUnrecorded(id, directory, monitorPid);
    rmSync(directory, { recursive: true, force: true });
    this.#statusFiles.remove(id);
  }

  /** Removes the status files that a former daemon has left of processes that are over. */
  removeStatusFiles(isOver: (id: string) => boolean): void {
    this.#statusFiles.removeIf(isOver);
  }

  /** A monitor that was started at the moment of the crash may be named by its child alone. */
  async #findMonitor(id: string, directory: string): Promise<number | undefined> {
    for (let waits = 0; isMonitored(directory) && waits < MAXIMUM_WAITS; waits++) {
      const pid = this.#statusFiles.startedPid(id);
      const monitorPid = readMonitor(directory)?.pid ?? (pid === undefined ? undefined : parentOf(pid));
      if (monitorPid !== undefined && isMonitored(directory)) return monitorPid;
      await sleep(WAIT_MS);
    }
    return undefined;
  }

  async #endUnrecorded(id: string, directory: string, monitorPid: number): Promise<void> {
    using watch = new MonitorWatch(this.#statusFiles, id, monitorPid);
    const pid = await firstOf(watch.started.promise, watch.exited);
    if (pid !== undefined) signalIfAlive(pid, SIGKILL);
    await watch.exited;
    using _acknowledged = acknowledge(directory);
    await watch.monitorEnded;
  }

  async #startWithPipes(request: SuperviseRequest): Promise<StartOutcome> {
    const pipes = createPipes(request.input, this.#nullDevices);
    const attempt = this.#spawnOn(pipes, request);
    const pid = await executed(attempt);
    if (pid === undefined) {
      pipes.abandon();
      return await this.#fail(attempt);
    }
    return this.#succeed(attempt, { identity: identify(pid), streams: pipes.openStreams() });
  }

  #spawnOn(pipes: OpenPipes, request: SuperviseRequest): Attempt {
    try {
      return this.#spawn(request, pipes.forMonitor);
    } catch (error) {
      pipes.abandon();
      throw error;
    } finally {
      pipes.closeOthers();
    }
  }

  async #startWithTerminal(request: SuperviseRequest): Promise<StartOutcome> {
    await using socket = await ConsoleSocket.listen(join(request.directory, 'tty'));
    const attempt = this.#spawnWithoutStreams(request, (nowhere) => [nowhere, nowhere, nowhere], socket.path);
    const master = await receiveMaster(socket, attempt.watch);
    const pid = await executed(attempt);
    if (master === undefined || pid === undefined) {
      if (master !== undefined) closeSync(master);
      return await this.#fail(attempt);
    }
    return this.#succeedOnTerminal(attempt, pid, master);
  }

  async #startOnRuntimeTerminal(request: SuperviseRequest, size?: TerminalSize): Promise<StartOutcome> {
    using between = new RuntimeTerminal(size);
    const command: SuperviseRequest['command'] = (files) => between.lead(request.command(files));
    // A leader of a session cannot become one again, so the shell stands between.
    const attempt = this.#spawnWithoutStreams({ ...request, command, recorded: true }, () => between.stdio);
    between.closeSlave();
    const pid = await executed(attempt);
    const master = pid === undefined ? undefined : between.takeMaster();
    if (pid === undefined || master === undefined) return await this.#fail(attempt);
    return this.#succeedOnTerminal(attempt, pid, master);
  }

  #succeedOnTerminal(attempt: Attempt, pid: number, master: number): StartOutcome {
    const holderPid = holdTerminal(attempt.request.directory, master);
    const terminal = new ProcessTerminal(master);
    return this.#succeed(attempt, {
      identity: identify(pid),
      streams: terminal.streams,
      terminal,
      holder: identify(holderPid),
    });
  }

  /**
   * The monitor holds a null device where it would hold pipes, so that the next daemon can tell that there are none.
   */
  #spawnWithoutStreams(
    request: SuperviseRequest,
    stdio: (nowhere: number) => MonitorDescriptors['stdio'],
    consoleSocket?: string,
  ): Attempt {
    const nowhere = this.#nullDevices.open();
    try {
      return this.#spawn(request, { stdio: stdio(nowhere), held: [nowhere, nowhere] }, consoleSocket);
    } finally {
      closeSync(nowhere);
    }
  }

  #spawn(request: SuperviseRequest, descriptors: MonitorDescriptors, consoleSocket?: string): Attempt {
    const { id, directory, memory, recorded } = request;
    const pidFile = this.#statusFiles.pidFile(id);
    const log = join(directory, 'log');
    const command = request.command({ pidFile, log, ...(consoleSocket !== undefined && { consoleSocket }) });
    const statusPrefix = this.#statusFiles.prefix(id);
    this.#moves.expect();
    const monitorPid = recorded
      ? startMonitor({ directory, statusPrefix, command, descriptors, ...(memory && { memory }) })
      : startUnrecorded({ directory, command, descriptors });
    return { request, monitorPid, watch: new MonitorWatch(this.#statusFiles, id, monitorPid) };
  }

  #succeed(
    { request, monitorPid, watch }: Attempt,
    parts: Pick<
      ConstructorParameters<typeof SupervisedProcess>[0],
      'identity' | 'streams' | 'terminal' | 'holder'
    >,
  ): StartOutcome {
    const { id, directory } = request;
    const monitor = identify(monitorPid);
    const statusFiles = this.#statusFiles;
    return {
      started: true,
      process: new SupervisedProcess({ ...parts, id, directory, monitor, watch, statusFiles }),
    };
  }

  async #fail({ request, watch }: Attempt): Promise<StartOutcome> {
    using _watch = watch;
    const reason = readReason(join(request.directory, 'log'));
    const acknowledged = acknowledge(request.directory);
    await watch.monitorEnded;
    acknowledged[Symbol.dispose]();
    this.#statusFiles.remove(request.id);
    return { started: false, reason };
  }

  [Symbol.dispose](): void {
    this.#statusFiles[Symbol.dispose]();
    this.#moves[Symbol.dispose]();
    this.#nullDevices[Symbol.dispose]();
  }
}

/** A directory for a process, fresh and empty. */
export function freshDirectory(path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

async function firstOf<T>(wanted: Promise<T>, otherwise: Promise<unknown>): Promise<T | undefined> {
  return await Promise.race([wanted, otherwise.then(() => undefined)]);
}

/** The process's pid once its program has been executed; undefined if it never ran. */
async function executed({ watch }: Attempt): Promise<number | undefined> {
  const pid = await firstOf(watch.started.promise, watch.exited);
  if (pid !== undefined) await untilExecuted(pid);
  return pid;
}

function reopenTerminal(holderPid: number): ProcessTerminal | undefined {
  return unlessErrno(() => new ProcessTerminal(takeTerminal(holderPid)), 'ESRCH', 'EBADF');
}

function livingPid({ pid, startTime }: ProcessIdentity): number | undefined {
  return isAlive(pid, startTime) ? pid : undefined;
}

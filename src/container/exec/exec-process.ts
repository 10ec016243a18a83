import type { Logger } from '#base/log.ts';
import type { Container } from '../run/container.ts';
import { AttachableStreams } from '../streams/attachable-streams.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import type { ExecSpec, ExecView } from '../container.ts';
import type { TerminalSize } from '../container-spec.ts';

export type ExecState =
  | { readonly status: 'created' }
  | { readonly status: 'starting'; readonly size?: TerminalSize }
  | { readonly status: 'running'; readonly process: SupervisedProcess }
  /** `endedAtMs` of `performance.now`. */
  | { readonly status: 'ended'; readonly exitCode: number; readonly pid: number; readonly endedAtMs: number };

/** A further process in a container, before, while and after it runs. */
export class ExecProcess {
  readonly id: string;
  readonly container: Container;
  readonly spec: ExecSpec;
  readonly streams: AttachableStreams;
  state: ExecState = { status: 'created' };

  constructor(id: string, container: Container, spec: ExecSpec, logger: Logger) {
    this.id = id;
    this.container = container;
    this.spec = spec;
    this.streams = new AttachableStreams(logger);
  }

  get commandLine(): string {
    return this.spec.command.join(' ');
  }

  get startingSize(): TerminalSize | undefined {
    return this.state.status === 'starting' ? this.state.size : undefined;
  }

  emit(action: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.container.emit(action, { execID: this.id, ...attributes });
  }

  resize(size: TerminalSize): void {
    if (this.state.status === 'running') this.state.process.resize(size);
    else if (this.state.status === 'starting') this.state = { status: 'starting', size };
  }

  view(): ExecView {
    const { id, container, spec, state } = this;
    const pid = pidOf(state);
    return {
      id,
      containerId: container.id,
      spec,
      isRunning: state.status === 'starting' || state.status === 'running',
      ...(state.status === 'ended' && { exitCode: state.exitCode }),
      ...(pid !== undefined && { pid }),
    };
  }
}

/** The process id; undefined for a process that could not be started. */
function pidOf(state: ExecState): number | undefined {
  if (state.status === 'running') return state.process.identity.pid;
  return state.status === 'ended' && state.pid !== 0 ? state.pid : undefined;
}

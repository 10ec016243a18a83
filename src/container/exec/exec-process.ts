import type { ExecInspect, ExecRequest } from '#wire/container.ts';
import type { Logger } from '#base/log.ts';
import { InputGate } from '../streams/input-gate.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import { OutputHub } from '../streams/output-hub.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import type { TerminalSize } from '../container.ts';

export type ExecState =
  | { readonly status: 'created' }
  | { readonly status: 'starting'; readonly size?: TerminalSize }
  | { readonly status: 'running'; readonly process: SupervisedProcess }
  /** `endedAtMs` of `performance.now`. */
  | { readonly status: 'ended'; readonly exitCode: number; readonly pid: number; readonly endedAtMs: number };

/** A further process in a container, before, while and after it runs. */
export class ExecProcess {
  readonly id: string;
  readonly container: ManagedContainer;
  readonly request: ExecRequest;
  readonly hub: OutputHub;
  readonly input = new InputGate();
  state: ExecState = { status: 'created' };

  constructor(id: string, container: ManagedContainer, request: ExecRequest, logger: Logger) {
    this.id = id;
    this.container = container;
    this.request = request;
    this.hub = new OutputHub(logger);
  }

  get commandLine(): string {
    return this.request.Cmd.join(' ');
  }

  emit(action: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.container.emit(action, { execID: this.id, ...attributes });
  }

  resize(size: TerminalSize): void {
    if (this.state.status === 'running') this.state.process.resize(size);
    else if (this.state.status === 'starting') this.state = { status: 'starting', size };
  }

  inspect(): ExecInspect {
    const { request, state } = this;
    const [entrypoint = '', ...rest] = request.Cmd;
    return {
      ID: this.id,
      Running: state.status === 'starting' || state.status === 'running',
      ExitCode: state.status === 'ended' ? state.exitCode : null,
      ProcessConfig: {
        tty: request.Tty,
        entrypoint,
        arguments: rest,
        privileged: request.Privileged,
        ...(request.User !== '' && { user: request.User }),
      },
      OpenStdin: request.AttachStdin,
      OpenStderr: request.AttachStderr,
      OpenStdout: request.AttachStdout,
      CanRemove: false,
      ContainerID: this.container.id,
      DetachKeys: request.DetachKeys,
      Pid: pidOf(state),
    };
  }
}

function pidOf(state: ExecState): number {
  if (state.status === 'running') return state.process.identity.pid;
  return state.status === 'ended' ? state.pid : 0;
}

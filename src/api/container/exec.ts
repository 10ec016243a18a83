import { parseDetachKeys } from '#base/detach-keys.ts';
import type { ExecSpec, ExecView } from '#container/container.ts';
import type { ExecInspect } from '#wire/container.ts';
import type { ExecRequest } from '#wire/decode-exec.ts';

export function execOfRequest(request: ExecRequest): ExecSpec {
  const [rows, columns] = request.ConsoleSize ?? [0, 0];
  return {
    command: request.Cmd,
    environment: request.Env ?? [],
    ...(request.User !== '' && { user: request.User }),
    ...(request.WorkingDir !== '' && { workingDirectory: request.WorkingDir }),
    privileged: request.Privileged,
    terminal: request.Tty,
    ...(rows > 0 && columns > 0 && { terminalSize: { rows, columns } }),
    attachesStdin: request.AttachStdin,
    attachesStdout: request.AttachStdout,
    attachesStderr: request.AttachStderr,
    detachKeys: request.DetachKeys,
  };
}

/** The body of `GET /exec/{id}/json`. */
export function encodeExec({ id, containerId, spec, isRunning, exitCode, pid }: ExecView): ExecInspect {
  const [entrypoint = '', ...rest] = spec.command;
  return {
    ID: id,
    Running: isRunning,
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: spec.terminal,
      entrypoint,
      arguments: rest,
      privileged: spec.privileged,
      ...(spec.user !== undefined && { user: spec.user }),
    },
    OpenStdin: spec.attachesStdin,
    OpenStderr: spec.attachesStderr,
    OpenStdout: spec.attachesStdout,
    CanRemove: false,
    ContainerID: containerId,
    // Go's bytes are base64 in JSON.
    DetachKeys: spec.detachKeys === '' ? '' : parseDetachKeys(spec.detachKeys).toString('base64'),
    Pid: pid ?? 0,
  };
}

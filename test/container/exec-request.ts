import type { ExecRequest } from '#wire/decode-exec.ts';

/** What clients ask for who say nothing but the command. */
export function newExecRequest(cmd: readonly string[], changes: Partial<ExecRequest> = {}): ExecRequest {
  return {
    User: '',
    Privileged: false,
    Tty: false,
    ConsoleSize: null,
    AttachStdin: false,
    AttachStderr: true,
    AttachStdout: true,
    Detach: false,
    DetachKeys: '',
    Env: null,
    WorkingDir: '',
    Cmd: cmd,
    ...changes,
  };
}

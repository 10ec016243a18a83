import { EngineError } from '#base/errors.ts';
import { failedStartCode } from './failed-start.ts';

/** What a runtime's refusal means to Docker's clients. */
export interface RuntimeFailure {
  readonly message: string;
  /** 126: cannot be executed, 127: not found, 128: anything else. */
  readonly exitCode: 126 | 127 | 128;
}

const CREATE_PREFIX =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ' +
  'unable to start container process: ';
const EXEC_PREFIX = 'OCI runtime exec failed: exec failed: unable to start container process: ';

/** Ours say it already. */
const RUNC_PREFIX = /^(runc run|exec) failed: unable to start container process: /;

interface Translation {
  readonly pattern: RegExp;
  readonly text: (subject: string) => string;
}

/** crun's words and runc's for them: Docker's clients choose their exit code by the latter. */
const TRANSLATIONS: readonly Translation[] = [
  {
    pattern: /^executable file `(.*)` not found in \$PATH/,
    text: (file) => `exec: ${JSON.stringify(file)}: executable file not found in $PATH`,
  },
  {
    pattern: /^cannot find `(.*)` in \$PATH/,
    text: (file) => `exec: ${JSON.stringify(file)}: executable file not found in $PATH`,
  },
  {
    pattern: /^executable file `(.*)` not found/,
    text: (file) => `exec: ${JSON.stringify(file)}: stat ${file}: no such file or directory`,
  },
  {
    pattern: /^the path `(.*)` is not a regular file/,
    text: (file) => `exec: ${JSON.stringify(file)}: is a directory: permission denied`,
  },
  {
    pattern: /^the path `(.*)` exists but it is not executable/,
    text: (file) => `exec: ${JSON.stringify(file)}: permission denied`,
  },
  {
    pattern: /unable to start container process: exec: "(.*)": is a directory$/,
    text: (file) => `exec: ${JSON.stringify(file)}: is a directory: permission denied`,
  },
];

/** A container that did not start. */
export function startFailure(reason: string): RuntimeFailure {
  return failure(CREATE_PREFIX, reason);
}

/** An exec that did not start. */
export function execFailure(reason: string): RuntimeFailure {
  return failure(EXEC_PREFIX, reason);
}

/** The error for a failure: what the caller asked for cannot be, unless the runtime itself is at fault. */
export function runtimeError({ message, exitCode }: RuntimeFailure): EngineError {
  return new EngineError(exitCode === 128 ? 'internal' : 'invalid', message);
}

function failure(prefix: string, reason: string): RuntimeFailure {
  const message = `${prefix}${translate(reason)}: unknown`;
  return { message, exitCode: failedStartCode(message, 128) };
}

function translate(reason: string): string {
  for (const { pattern, text } of TRANSLATIONS) {
    const match = pattern.exec(reason);
    if (match) return text(match[1] ?? '');
  }
  return reason.replace(RUNC_PREFIX, '');
}

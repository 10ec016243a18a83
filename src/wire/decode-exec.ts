/** `POST /containers/{id}/exec` and `POST /exec/{id}/start`. */
import { EngineError } from '#base/errors.ts';
import type { ExecRequest } from './container.ts';
import {
  boolean,
  decodeStruct,
  nullable,
  pair,
  parseJson,
  required,
  slice,
  string,
  struct,
  withZero,
} from './go-json.ts';
import { rejectNul, validateEnvironment } from './validate-container-config.ts';

/** What a client asks for when it starts an exec. */
export interface ExecStartRequest {
  readonly Detach: boolean;
  readonly Tty: boolean;
  readonly ConsoleSize: readonly [height: number, width: number] | null;
}

const EXEC = struct<ExecRequest>('ExecConfig', {
  User: required(string),
  Privileged: required(boolean),
  Tty: required(boolean),
  ConsoleSize: required(nullable(pair)),
  AttachStdin: required(boolean),
  AttachStderr: required(boolean),
  AttachStdout: required(boolean),
  Detach: required(boolean),
  DetachKeys: required(string),
  Env: required(slice(string)),
  WorkingDir: required(string),
  Cmd: required(withZero(slice(string), () => [])),
});

const EXEC_START = struct<ExecStartRequest>('ExecStartCheck', {
  Detach: required(boolean),
  Tty: required(boolean),
  ConsoleSize: required(nullable(pair)),
});

/** @throws {EngineError} `invalid` */
export function decodeExecRequest(body: string): ExecRequest {
  const request = decodeStruct(parseJson(body), EXEC);
  if (request.Cmd.length === 0) throw new EngineError('invalid', 'No exec command specified');
  validateEnvironment(request.Env ?? []);
  rejectNul('command', request.Cmd);
  rejectNul('user or working directory', [request.User, request.WorkingDir]);
  return request;
}

/** @throws {EngineError} `invalid` */
export function decodeExecStart(body: string): ExecStartRequest {
  return decodeStruct(parseJson(body), EXEC_START);
}

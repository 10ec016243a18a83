/** `POST /containers/{id}/exec` and `POST /exec/{id}/start`. */
import { EngineError } from '#base/errors.ts';
import {
  boolean,
  type Decoded,
  decodeStruct,
  nullable,
  pair,
  parseJson,
  slice,
  string,
  struct,
  withZero,
} from './go-json.ts';
import { rejectNul, validateEnvironment } from './validate-container-config.ts';

const EXEC = struct('ExecConfig', {
  User: string,
  Privileged: boolean,
  Tty: boolean,
  /** Height and width. */
  ConsoleSize: nullable(pair),
  AttachStdin: boolean,
  AttachStderr: boolean,
  AttachStdout: boolean,
  Detach: boolean,
  DetachKeys: string,
  Env: slice(string),
  WorkingDir: string,
  Cmd: withZero(slice(string), () => []),
});
export type ExecRequest = Decoded<typeof EXEC>;

const EXEC_START = struct('ExecStartCheck', { Detach: boolean, Tty: boolean, ConsoleSize: nullable(pair) });

/** What a client asks for when it starts an exec. */
export type ExecStartRequest = Decoded<typeof EXEC_START>;

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

import type { ExecInspect } from '#wire/container.ts';
import type { ExecRequest } from '#wire/decode-exec.ts';
import { type Client, type Hijacked, path } from './client.ts';
import type { TerminalSize } from './containers.ts';

export function createExec(
  client: Client,
  container: string,
  body: ExecRequest,
): Promise<{ readonly Id: string }> {
  return client.json({ method: 'POST', path: path`/containers/${container}/exec`, json: body });
}

export interface StartExecBody {
  readonly Detach: boolean;
  readonly Tty: boolean;
  readonly ConsoleSize?: readonly [height: number, width: number] | null;
}

export function startExecDetached(client: Client, id: string, body: StartExecBody): Promise<void> {
  return client.run({ method: 'POST', path: path`/exec/${id}/start`, json: body });
}

export function startExecAttached(client: Client, id: string, body: StartExecBody): Promise<Hijacked> {
  return client.hijack({ method: 'POST', path: path`/exec/${id}/start`, json: body });
}

export function inspectExec(client: Client, id: string): Promise<ExecInspect> {
  return client.json({ method: 'GET', path: path`/exec/${id}/json` });
}

export function resizeExec(client: Client, id: string, size: TerminalSize): Promise<void> {
  return client.run({
    method: 'POST',
    path: path`/exec/${id}/resize`,
    query: { h: size.rows, w: size.columns },
  });
}

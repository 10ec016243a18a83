/** `POST /build` as it happens: a test may act in the middle of it. */
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface StreamedBuild {
  /** Everything that was said. */
  readonly output: string;
  readonly error: string | undefined;
  /** The connection broke before the answer had ended. */
  readonly isBroken: boolean;
}

export interface StreamedOptions {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly onLine?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Never fails: what went wrong is in the result. */
export async function streamBuild(
  socketPath: string,
  context: Readable,
  { parameters = {}, onLine = () => undefined, signal }: StreamedOptions = {},
): Promise<StreamedBuild> {
  const query = new URLSearchParams({ networkmode: 'none', ...parameters });
  const sent = request({
    socketPath,
    method: 'POST',
    path: `/build?${query.toString()}`,
    headers: { 'content-type': 'application/x-tar' },
    ...(signal && { signal }),
  });
  let output = '';
  let error: string | undefined;
  try {
    const uploaded = pipeline(context, sent).catch(() => undefined);
    const [response] = await once(sent, 'response');
    for await (const line of createInterface({ input: response })) {
      const message = JSON.parse(line);
      error ??= message.error ?? message.message;
      output += message.stream ?? '';
      onLine(message.stream ?? '');
    }
    await uploaded;
    return { output, error, isBroken: !response.complete };
  } catch {
    return { output, error, isBroken: true };
  } finally {
    sent.destroy();
  }
}

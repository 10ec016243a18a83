import { containerError } from '../container-errors.ts';
import type { LogRecord } from '#log/log.ts';
import type { AttachRequest, Attachment, OutputChunk } from '../container.ts';
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from '#base/detach-keys.ts';
import type { Container } from '../run/container.ts';
import { nowNs } from '#base/clock.ts';
import { StreamAttachment } from './stream-attachment.ts';

/**
 * Attaches to a container's present run, or, before it starts, to its next one.
 *
 * @throws {EngineError} `conflict` if it is paused, `invalid` for bad detach keys
 */
export function attachContainer(container: Container, reference: string, request: AttachRequest): Attachment {
  const keys = parseDetachKeys(request.detachKeys || DEFAULT_DETACH_KEYS);
  if (container.state.status === 'paused') {
    throw containerError('attach-to-paused', { subject: reference });
  }
  const { terminal: tty, stdin } = container.spec.process;
  const before = request.logs ? loggedOutput(container, request) : undefined;
  const attachment = new StreamAttachment(container.streams.output, {
    tty,
    stdout: request.stdout,
    stderr: request.stderr,
    ...(request.stdin && { input: container.streams.input }),
    closesInput: stdin === 'once' && !tty,
    ...(tty && { detach: { scanner: new DetachScanner(keys), onDetach: () => container.emit('detach') } }),
    ...(before && { before }),
  });
  container.emit('attach');
  if (!request.stream) void attachment.end();
  return attachment;
}

/** What the log has up to now; the attachment gets later output live. */
async function* loggedOutput(container: Container, request: AttachRequest): AsyncIterable<OutputChunk> {
  container.streams.output.flush();
  const untilNs = nowNs();
  const streams = (['stdout', 'stderr'] as const).filter((stream) => request[stream]);
  const records: AsyncIterable<LogRecord> = container.log.read({
    streams,
    untilNs,
    follow: false,
    perLine: true,
  });
  for await (const { stream, data } of records) yield { stream, data };
}

/** Drives a {@link TarParser} from a source of bytes. */
import { type TarEvent, type TarLimits, TarParser } from './tar-reader.ts';

/**
 * The events of an archive that arrives in chunks. The source is read to its end, so that what produces it can
 * verify it; a consumer that leaves early ends the source.
 *
 * @throws {EngineError} `invalid` if the archive is malformed or cut short
 */
export async function* readTar(
  source: AsyncIterable<Buffer>,
  limits?: TarLimits,
): AsyncGenerator<TarEvent, void> {
  const parser = new TarParser(limits);
  for await (const chunk of source) {
    parser.push(chunk);
    for (let event = parser.next(); event; event = parser.next()) yield event;
  }
  parser.finish();
}

/**
 * The events of an archive read synchronously. A `data` slice is valid until the next event is asked for.
 *
 * @param read fills the buffer from its start and returns the number of bytes, 0 at the end
 * @throws {EngineError} `invalid` if the archive is malformed or cut short
 */
export function* readTarSync(
  read: (buffer: Buffer) => number,
  limits?: TarLimits,
): Generator<TarEvent, void> {
  const parser = new TarParser(limits);
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  for (let length = read(buffer); length > 0; length = read(buffer)) {
    parser.push(buffer.subarray(0, length));
    for (let event = parser.next(); event; event = parser.next()) yield event;
  }
  parser.finish();
}

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

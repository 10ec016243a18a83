import { messageOf } from '#base/errors.ts';
import type { Fault, Integrity, IntegrityMessage, IntegritySummary } from './integrity.ts';
import { type CheckedParts, findingsOf, type FoundFault } from './root-findings.ts';

/** See {@link Integrity}. */
export class RootIntegrity implements Integrity {
  readonly #parts: CheckedParts;

  constructor(parts: CheckedParts) {
    this.#parts = parts;
  }

  check(signal?: AbortSignal): AsyncIterable<IntegrityMessage> {
    return this.#run(toldOnly, { deletesLost: false, ...(signal && { signal }) });
  }

  repair(options: Parameters<Integrity['repair']>[0]): AsyncIterable<IntegrityMessage> {
    return this.#run(repaired, options);
  }

  async *#run(
    settle: (fault: FoundFault) => Promise<Settled>,
    { deletesLost, signal }: Parameters<Integrity['repair']>[0],
  ): AsyncGenerator<IntegrityMessage, void> {
    const { lost } = this.#parts;
    const totalBytes = await this.#totalBytes();
    const counts = { metadata: 0, blobs: 0, layers: 0, images: 0, containers: 0, volumes: 0, networks: 0 };
    let [checkedBytes, faults, repaired] = [0, 0, 0];
    for await (const finding of findingsOf(this.#parts, signal)) {
      signal?.throwIfAborted();
      counts[finding.counted]++;
      checkedBytes += finding.sizeBytes;
      for (const found of finding.faults) {
        const { fault, isRepaired } = await settle(found);
        faults++;
        if (isRepaired) repaired++;
        yield { kind: 'fault', fault };
      }
      if (finding.sizeBytes > 0) yield progress(checkedBytes, totalBytes);
    }
    const { metadata: _, ...counted } = counts;
    const deleted = deletesLost ? lost.empty() : [];
    const summary: IntegritySummary = {
      ...counted,
      checkedBytes,
      faults,
      repaired,
      lostAndFound: lost.names(),
      deleted,
    };
    yield { kind: 'summary', summary };
  }

  /** What will be read, nearly: files of layers are counted without the tar around them. */
  async #totalBytes(): Promise<number> {
    const { content, layers } = this.#parts;
    let total = layers.list().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for await (const { sizeBytes } of content.list()) total += sizeBytes;
    return total;
  }
}

function progress(doneBytes: number, totalBytes: number): IntegrityMessage {
  return { kind: 'progress', doneBytes, totalBytes: Math.max(doneBytes, totalBytes) };
}

interface Settled {
  readonly fault: Fault;
  readonly isRepaired: boolean;
}

function toldOnly({ repair, ...fault }: FoundFault): Promise<Settled> {
  const told = repair ? { ...fault, repair: repair.action } : fault;
  return Promise.resolve({ fault: told, isRepaired: false });
}

async function repaired({ repair, ...fault }: FoundFault): Promise<Settled> {
  if (!repair) return { fault, isRepaired: false };
  try {
    await repair.run();
    return { fault: { ...fault, repair: repair.action }, isRepaired: true };
  } catch (error) {
    return { fault: { ...fault, advice: messageOf(error) }, isRepaired: false };
  }
}

import type { OutputChunk } from '#container/container.ts';

/** The output of a process, by stream. */
export class CollectedOutput {
  readonly #chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };

  add({ stream, data }: OutputChunk): void {
    this.#chunks[stream].push(data);
  }

  texts(): { readonly stdout: string; readonly stderr: string } {
    return { stdout: textOf(this.#chunks.stdout), stderr: textOf(this.#chunks.stderr) };
  }
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString();
}

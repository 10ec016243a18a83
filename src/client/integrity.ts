import type { IntegrityLine } from '#wire/integrity.ts';
import { ApiError } from './api-error.ts';
import type { Client } from './client.ts';
import { jsonLines } from './json-lines.ts';

/** An extension of this engine: Docker has no such endpoint. */
export function checkRoot(client: Client): AsyncIterable<IntegrityLine> {
  return linesOf(client.request({ method: 'GET', path: '/caisson/check' }));
}

/** The same. @param deletesLost what is in lost+found, for good */
export function repairRoot(client: Client, deletesLost: boolean): AsyncIterable<IntegrityLine> {
  return linesOf(client.request({ method: 'POST', path: '/caisson/repair', query: { delete: deletesLost } }));
}

async function* linesOf(
  answer: Promise<{ readonly body: AsyncIterable<Buffer> }>,
): AsyncGenerator<IntegrityLine, void> {
  for await (const text of jsonLines((await answer).body)) {
    const line: IntegrityLine & { readonly error?: string } = JSON.parse(text);
    if (line.error !== undefined) throw new ApiError(500, line.error);
    yield line;
  }
}

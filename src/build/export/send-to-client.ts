/** Results on their way to the client, as movements that are told. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '#base/errors.ts';
import type { BuildRequest } from '../build.ts';
import type { FileTree } from '../session/build-session.ts';
import type { OneExport } from './one-export.ts';

/** Sends a file to the client, and tells how much of it, as a movement of this name. */
export async function sendFile(one: OneExport, id: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { request, number, output } = one;
  await moving(one, id, async (counted) => {
    const file = await clientOf(one).openFile(number, output.attributes, request.signal);
    const source = Readable.from(counted(chunks), { objectMode: false, highWaterMark: 1 << 18 });
    await pipeline(source, file, { signal: request.signal });
  });
}

/** Sends a tree in the same way; the client may have some of its files already. */
export async function sendTree(one: OneExport, id: string, tree: FileTree): Promise<void> {
  await moving(one, id, async (counted) => {
    const contents: FileTree['contents'] = (entry) =>
      Readable.from(counted(tree.contents(entry)), { objectMode: false });
    await clientOf(one).sendTree(one.number, { entries: () => tree.entries(), contents }, one.request.signal);
  });
}

const REPORTED_BYTES = 1 << 20;

/** @param work counts what goes through */
async function moving(
  { task }: OneExport,
  id: string,
  work: (counted: (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer, void>) => Promise<void>,
): Promise<void> {
  let current = 0;
  let reported = 0;
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of chunks) {
      current += chunk.length;
      if (current - reported >= REPORTED_BYTES) {
        reported = current;
        task.moves({ id, current });
      }
      yield chunk;
    }
  }
  task.moves({ id });
  await work(counted);
  task.moves({ id, current, isDone: true });
}

function clientOf({ request: { session }, output }: OneExport): NonNullable<BuildRequest['session']> {
  if (session) return session;
  throw new EngineError(
    'invalid',
    `Cannot export as ${output.type}: the client has no session to receive files through`,
  );
}

/** A client's store of blobs: containerd's content service, over the session. */
import { isEngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import {
  ReadContentRequest,
  ReadContentResponse,
  WRITE_COMMIT,
  WRITE_DATA,
  WRITE_STAT,
  WriteContentRequest,
  WriteContentResponse,
} from '#wire/buildkit/session.ts';
import type { GrpcClient, GrpcStream } from './grpc-client.ts';

const SERVICE = '/containerd.services.content.v1.Content';
/** Clients take no message above 4 MiB. */
const PIECE_BYTES = 1 << 20;

export interface BlobToWrite {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Buffer>;
}

export class ContentStore {
  readonly #client: GrpcClient;
  readonly #metadata: Readonly<Record<string, string>>;

  /** @param name `local:DIRECTORY`, as the client has named it */
  constructor(client: GrpcClient, name: string) {
    this.#client = client;
    this.#metadata = { 'buildkit-attachable-store-id': name };
  }

  /** @throws {EngineError} `not-found` */
  async *read(digest: Digest, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    using stream = this.#client.open(`${SERVICE}/Read`, this.#metadata, signal);
    await stream.send(ReadContentRequest.encode({ digest }));
    stream.end();
    for await (const message of stream.messages()) {
      const { data } = ReadContentResponse.decode(message);
      yield Buffer.from(data.buffer, data.byteOffset, data.length);
    }
  }

  /** Nothing happens if it is there. */
  async write(blob: BlobToWrite, signal: AbortSignal): Promise<void> {
    using stream = this.#client.open(`${SERVICE}/Write`, this.#metadata, signal);
    try {
      await writeBlob(stream, blob);
    } catch (error) {
      if (!isEngineError(error, 'conflict')) throw error;
    }
  }
}

/** Each message is answered before the next is sent. */
async function writeBlob(stream: GrpcStream, { digest, sizeBytes, content }: BlobToWrite): Promise<void> {
  const messages = stream.messages();
  const ask = async (request: Parameters<typeof WriteContentRequest.encode>[0]): Promise<number> => {
    await stream.send(WriteContentRequest.encode({ total: sizeBytes, expected: digest, ...request }));
    const { value, done } = await messages.next();
    return done === true ? 0 : WriteContentResponse.decode(value).offset;
  };
  await ask({ action: WRITE_STAT, ref: `caisson-${digest}` });
  let offset = 0;
  for await (const chunk of content)
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      const data = chunk.subarray(start, start + PIECE_BYTES);
      await ask({ action: WRITE_DATA, offset, data });
      offset += data.length;
    }
  await ask({ action: WRITE_COMMIT, offset });
  stream.end();
  while (!(await messages.next()).done);
}

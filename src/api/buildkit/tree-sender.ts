/** Sends a tree to a client: `FileSend/DiffCopy`, the protocol of fsutil with the roles changed. */
import { EngineError } from '#base/errors.ts';
import type { FileEntry, FileTree } from '#build/session/build-session.ts';
import type { Stat } from '#wire/buildkit/common.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import {
  Packet,
  PACKET_DATA,
  PACKET_END,
  PACKET_ERROR,
  PACKET_REQUEST,
  PACKET_STAT,
  type PacketInput,
} from '#wire/buildkit/session.ts';
import { toGoFileMode } from '#base/go-file-mode.ts';
import type { GrpcStream } from './grpc-client.ts';

/** Clients take no message above 4 MiB. */
const PIECE_BYTES = 256 * 1024;

/** Resolves when the client has all that it wants. */
export async function sendTree(stream: GrpcStream, tree: FileTree): Promise<void> {
  const sender = new TreeSender(stream, tree);
  await Promise.all([sender.sendEntries(), sender.answerRequests()]);
}

class TreeSender {
  readonly #stream: GrpcStream;
  readonly #tree: FileTree;
  readonly #entries: FileEntry[] = [];
  /** One file after the other. */
  #sending = Promise.resolve();

  constructor(stream: GrpcStream, tree: FileTree) {
    this.#stream = stream;
    this.#tree = tree;
  }

  async sendEntries(): Promise<void> {
    for await (const entry of this.#tree.entries()) {
      this.#entries.push(entry);
      await this.#send({ type: PACKET_STAT, stat: statOf(entry) });
    }
    await this.#send({ type: PACKET_STAT });
  }

  async answerRequests(): Promise<void> {
    for await (const message of this.#stream.messages()) {
      const { type, ID, data } = Packet.decode(message);
      if (type === PACKET_REQUEST) this.#sending = this.#sending.then(() => this.#sendContents(ID));
      else if (type === PACKET_ERROR)
        throw new EngineError('invalid', `error from receiver: ${Buffer.from(data).toString()}`);
      else if (type === PACKET_END) {
        await this.#sending;
        await this.#send({ type: PACKET_END });
        this.#stream.end();
      }
      // Its failure is that of the transfer, and must not wait for the next request.
      this.#sending.catch(() => this.#stream[Symbol.dispose]());
    }
    await this.#sending;
  }

  async #sendContents(position: number): Promise<void> {
    const entry = this.#entries[position];
    if (!entry) throw new EngineError('invalid', `Cannot send file ${position}: there is none`);
    for await (const chunk of this.#tree.contents(entry)) {
      const data: Buffer = chunk;
      for (let offset = 0; offset < data.length; offset += PIECE_BYTES)
        await this.#send({
          type: PACKET_DATA,
          ID: position,
          data: data.subarray(offset, offset + PIECE_BYTES),
        });
    }
    await this.#send({ type: PACKET_DATA, ID: position });
  }

  async #send(packet: PacketInput): Promise<void> {
    await this.#stream.send(Packet.encode(packet));
  }
}

export function statOf(entry: FileEntry): InputOf<typeof Stat> {
  return {
    path: entry.path,
    mode: toGoFileMode(entry.mode),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.sizeBytes,
    modTime: entry.modifiedNs,
    linkname: entry.linkName,
    devmajor: entry.deviceMajor,
    devminor: entry.deviceMinor,
    xattrs: entry.xattrs,
  };
}

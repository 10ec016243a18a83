/** Receives a directory of a client's: `FileSync/DiffCopy`, the protocol of fsutil. */
import { EngineError } from '#base/errors.ts';
import type { FileEntry, FileTransfer } from '#build/session/build-session.ts';
import type { Stat } from '#wire/buildkit/common.ts';
import {
  Packet,
  PACKET_DATA,
  PACKET_END,
  PACKET_ERROR,
  PACKET_REQUEST,
  PACKET_STAT,
} from '#wire/buildkit/session.ts';
import { fromGoFileMode } from '#base/go-file-mode.ts';
import type { GrpcStream } from './grpc-client.ts';

/** The contents of one file, as far as they have come and are not read yet. */
interface Contents {
  readonly pieces: Buffer[];
  /** The size that the client told: what comes beyond is left out. */
  leftBytes: number;
  isWhole: boolean;
}

/**
 * The stream is read only while a reader waits for something of it; what comes for others meanwhile is kept for them.
 */
export class SessionFileTransfer implements FileTransfer {
  readonly #stream: GrpcStream;
  readonly #batches: AsyncGenerator<readonly Buffer[], void>;
  readonly #entries: FileEntry[] = [];
  /** The size of all entries, in bytes. */
  readonly #sizes: number[] = [];
  readonly #contents = new Map<number, Contents>();
  #areAllEntriesThere = false;
  #hasAgreed = false;
  #reading: Promise<void> | undefined;

  constructor(stream: GrpcStream) {
    this.#stream = stream;
    this.#batches = stream.batches();
  }

  async *entries(): AsyncGenerator<FileEntry, void> {
    for (;;) {
      for (const entry of this.#entries.splice(0)) yield entry;
      if (this.#entries.length > 0) continue;
      if (this.#areAllEntriesThere) return;
      await this.#advance();
    }
  }

  contents(position: number): AsyncGenerator<Buffer, void> {
    return this.#read(position, this.#request(position));
  }

  async finish(): Promise<void> {
    await this.#stream.send(Packet.encode({ type: PACKET_END }));
    while (!this.#hasAgreed) await this.#advance();
    this.#stream.end();
    // The status of the call comes last.
    while (!(await this.#batches.next()).done);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stream[Symbol.dispose]();
    return Promise.resolve();
  }

  async *#read(position: number, contents: Contents): AsyncGenerator<Buffer, void> {
    for (;;) {
      for (const piece of contents.pieces.splice(0)) yield piece;
      if (contents.pieces.length > 0) continue;
      if (contents.isWhole) break;
      await this.#advance();
    }
    this.#contents.delete(position);
  }

  /** Asks at once, whenever what comes is read, so that no round trip is waited for. */
  #request(position: number): Contents {
    const contents = { pieces: [], leftBytes: this.#sizes[position] ?? 0, isWhole: false };
    this.#contents.set(position, contents);
    // A message that cannot be sent fails the call that waits for the answer.
    this.#stream.send(Packet.encode({ type: PACKET_REQUEST, ID: position })).catch(() => undefined);
    return contents;
  }

  /** Reads what has come, together with all that wait. */
  async #advance(): Promise<void> {
    this.#reading ??= this.#readBatch().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readBatch(): Promise<void> {
    const { value, done } = await this.#batches.next();
    if (done === true)
      throw new EngineError('aborted', 'Cannot receive files: the client has stopped sending');
    for (const message of value) this.#receive(Packet.decode(message));
  }

  #receive(packet: Packet): void {
    if (packet.type === PACKET_STAT) this.#addEntry(packet.stat);
    else if (packet.type === PACKET_DATA) this.#addContents(packet.ID, packet.data);
    else if (packet.type === PACKET_END) this.#hasAgreed = true;
    else if (packet.type === PACKET_ERROR)
      throw new EngineError('invalid', `error from sender: ${Buffer.from(packet.data).toString()}`);
  }

  #addEntry(stat: Stat | undefined): void {
    if (stat === undefined || stat.path === '') this.#areAllEntriesThere = true;
    else {
      this.#entries.push(entryOf(stat));
      this.#sizes.push(stat.size);
    }
  }

  #addContents(position: number, data: Uint8Array): void {
    const contents = this.#contents.get(position);
    if (!contents) return;
    if (data.length === 0) contents.isWhole = true;
    const kept = Math.min(data.length, contents.leftBytes);
    if (kept > 0) contents.pieces.push(Buffer.from(data.buffer, data.byteOffset, kept));
    contents.leftBytes -= kept;
  }
}

function entryOf(stat: Stat): FileEntry {
  const { path, mode, uid, gid, size, modTime, linkname, devmajor, devminor, xattrs } = stat;
  if (!isInside(path)) throw new EngineError('invalid', `Cannot receive files: ${path} leads out of them`);
  return {
    path,
    mode: fromGoFileMode(mode),
    uid,
    gid,
    sizeBytes: size,
    modifiedNs: modTime,
    linkName: linkname,
    deviceMajor: devmajor,
    deviceMinor: devminor,
    xattrs:
      xattrs.size === 0
        ? NO_XATTRS
        : Object.fromEntries([...xattrs].map(([name, value]) => [name, Buffer.from(value)])),
  };
}

/** Most files have none; they share this one. */
const NO_XATTRS = {};

function isInside(path: string): boolean {
  return (
    !path.includes('\0') && path.split('/').every((name) => name !== '' && name !== '.' && name !== '..')
  );
}

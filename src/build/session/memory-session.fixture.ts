/** A client that exists in this process only: for tests. */
import { constants as fs } from 'node:fs';
import type { BuildSession, FileEntry, FileQuery, FileTransfer } from './build-session.ts';

export interface MemoryFile {
  readonly content?: string | Buffer;
  readonly mode?: number;
  readonly linkName?: string;
  readonly modifiedNs?: bigint;
}

export class MemorySession implements BuildSession {
  readonly sharedKey: string;
  readonly closed: AbortSignal = new AbortController().signal;
  readonly files: Map<string, MemoryFile>;
  /** Paths whose contents were asked for. */
  readonly asked: string[] = [];
  readonly queries: FileQuery[] = [];
  /** Called before contents are sent. */
  beforeContents: (path: string) => void | Promise<void> = () => undefined;

  constructor(files: Readonly<Record<string, MemoryFile>>, sharedKey = 'client') {
    this.files = new Map(Object.entries(files));
    this.sharedKey = sharedKey;
  }

  openFiles(query: FileQuery): FileTransfer {
    this.queries.push(query);
    const entries = [...this.files].map(([path, file]) => entryOf(path, file));
    return {
      async *entries() {
        yield* entries;
      },
      contents: (position) => this.#contents(entries[position]?.path ?? ''),
      finish: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async *#contents(path: string): AsyncGenerator<Buffer, void> {
    this.asked.push(path);
    await this.beforeContents(path);
    const content = Buffer.from(this.files.get(path)?.content ?? '');
    for (let start = 0; start < content.length; start += PIECE_BYTES)
      yield content.subarray(start, start + PIECE_BYTES);
  }

  secret(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  hasSshAgent(): Promise<boolean> {
    return Promise.resolve(false);
  }

  credentials(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  openSshAgent(): Promise<never> {
    return unavailable();
  }

  openFile(): Promise<never> {
    return unavailable();
  }

  sendTree(): Promise<never> {
    return unavailable();
  }
}

/** As connections deliver them. */
const PIECE_BYTES = 1 << 16;

function unavailable(): Promise<never> {
  return Promise.reject(new Error('a memory session has none'));
}

function entryOf(path: string, { content, mode, linkName = '', modifiedNs = 1n }: MemoryFile): FileEntry {
  const isDirectory = content === undefined && mode === undefined;
  return {
    path,
    mode: mode ?? (isDirectory ? fs.S_IFDIR | 0o755 : fs.S_IFREG | 0o644),
    uid: 1000,
    gid: 1000,
    sizeBytes: linkName === '' ? Buffer.byteLength(content ?? '') : 0,
    modifiedNs,
    linkName,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: {},
  };
}

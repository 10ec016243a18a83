/** What a client has that a build may ask for. */
import type { Duplex } from 'node:stream';
import type { ListingMarks, WireEntry, WireFileQuery } from '#wire/build-session.ts';
import type { RegistryAuth } from '#wire/registry-auth.ts';

export interface BuildProviders {
  /** By the names of the request. */
  readonly directories: ReadonlyMap<string, DirectoryProvider>;
  /** The archive that is the context. */
  archive?(): AsyncIterable<Uint8Array>;
  /** Undefined: there is none of this name. */
  secret(name: string): Promise<Buffer | undefined>;
  hasSshAgent(name: string): boolean;
  openSshAgent(name: string): Promise<Duplex>;
  credentials(host: string): Promise<RegistryAuth | undefined>;
  createFile(output: number, attributes: Readonly<Record<string, string>>): FileSink;
  createTree(output: number): TreeSink;
}

export interface DirectoryProvider {
  /** Parents first. Each is told as soon as it is known: the engine looks at it meanwhile. */
  list(query: WireFileQuery, tell: (entry: WireEntry) => void): ListingMarks;
  /** The contents of a file that was listed. */
  read(entry: WireEntry): Iterable<Uint8Array>;
}

/** A file in the making; abandoned where it is not finished. */
export interface FileSink extends Disposable {
  write(chunk: Uint8Array): void | Promise<void>;
  finish(): Promise<void>;
}

/** A directory in the making. */
export interface TreeSink extends Disposable {
  entry(entry: WireEntry): void;
  /** The contents of the entry at this position. */
  content(position: number, chunk: Uint8Array): void;
  finish(): Promise<void>;
}

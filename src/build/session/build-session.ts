/**
 * What a client serves while its build lasts: its files, its secrets, its keys, and a place for results. Both wires,
 * BuildKit's session and the engine's own, give one of these; builds know no other way to the client.
 *
 * Errors of every method: `aborted` when the client is gone or the signal fires, `invalid` for answers that cannot be.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Credentials } from '#registry/token-source.ts';

export interface BuildSession {
  /**
   * Equal for builds that sync the same directory of the same client: what was received under it need not be sent
   * again. Undefined: the client is not known again.
   */
  readonly sharedKey?: string;
  /** Fires when the client is gone. */
  readonly closed: AbortSignal;

  /** Asks for a directory of the client's. The caller reads the entries to their end, then the contents it needs. */
  openFiles(query: FileQuery, signal: AbortSignal): FileTransfer;
  /** Undefined: the client has none of this id. */
  secret(id: string, signal: AbortSignal): Promise<Buffer | undefined>;
  hasSshAgent(id: string, signal: AbortSignal): Promise<boolean>;
  /** Opens a connection to the agent; the caller destroys it. */
  openSshAgent(id: string): Promise<Duplex>;
  /** What the client keeps for a registry. */
  credentials(host: string, signal: AbortSignal): Promise<Credentials | undefined>;
  /** Where the client writes a single file (`-o type=tar|oci|docker,dest=…`), by the number of the output. */
  openFile(
    output: number,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Writable>;
  /**
   * Writes a directory tree at the client (`-o type=local`); the entries in the order of {@link FileEntry}. Caches that
   * are exported (`--cache-to type=local`) are numbered after the outputs, and asked for as directories `cache:SRC`.
   */
  sendTree(output: number, tree: FileTree, signal: AbortSignal): Promise<void>;
}

/**
 * What the client recognizes the files of a directory by, for each directory of a listing; the form is the client's
 * own.
 */
type ListingMarks = Readonly<Record<string, string>>;

export interface FileQuery {
  /** As BuildKit names them: `context`, `dockerfile`, or that of a named context. */
  readonly directory: string;
  /** Only what these lead to, links included; relative paths. */
  readonly followPaths: readonly string[];
  readonly includePatterns: readonly string[];
  /** Patterns of an ignore file. */
  readonly excludePatterns: readonly string[];
  /** The marks that the client sent with the listing before. */
  readonly marks?: ListingMarks;
}

/** A file, directory or link. Parents come before what they hold, siblings in the order of their names' bytes. */
export interface FileEntry {
  /** Relative, without a slash at its end. Bytes that are no UTF-8 are lone surrogates, here as in links. */
  readonly path: string;
  /** st_mode, type included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** The target of a symbolic link; of a regular file: the path of an earlier entry that it is a hard link to. */
  readonly linkName: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: Readonly<Record<string, Buffer>>;
}

export interface FileTransfer extends AsyncDisposable {
  /** Their positions count from 0. To be read once, to the end. */
  entries(): AsyncIterable<FileEntry>;
  /** Is there once all entries have come: for the next query of the same directory. */
  readonly marks?: ListingMarks | undefined;
  /**
   * The contents of a regular file, as long as the client has it. Several may be asked for before the first is read.
   */
  contents(position: number): AsyncIterable<Buffer>;
  /** Tells the client that nothing more is wanted; resolves when it agrees. */
  finish(): Promise<void>;
}

export interface FileTree {
  entries(): AsyncIterable<FileEntry>;
  contents(entry: FileEntry): Readable;
}

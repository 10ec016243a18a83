/**
 * The engine's own wire for builds: `POST /caisson/build` with a `WireBuildRequest`, then {@link Frame}s both
 * ways. The engine asks, under numbers that it chooses, for what only the client has; the client answers under the same
 * number, and is told how the build goes. Closing the connection ends the build, from either side.
 */
import { EngineError } from '#base/errors.ts';
import type { RegistryAuth } from './registry-auth.ts';

/** One file, directory or link of a listing; parents come first. */
export interface WireEntry {
  /** Relative. Bytes that are no UTF-8 are lone surrogates, here as in links (`base/byte-text.ts`). */
  readonly path: string;
  /** st_mode, type included. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  readonly linkName: string;
  readonly uid: number;
  readonly gid: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** xattr(7) */
  readonly xattrs: Readonly<Record<string, Buffer>>;
}

/**
 * A {@link WireEntry} in JSON, where there may be very many: the fields in their order, attributes in base64, and what
 * is zero or empty at the end left out.
 */
export type EntryRow = readonly (string | number | Readonly<Record<string, string>>)[];

export interface WireFileQuery {
  readonly directory: string;
  readonly followPaths: readonly string[];
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
  readonly marks?: ListingMarks;
}

/**
 * The marks of directories none of whose files has attributes, by path. The client sends them at the end of a listing,
 * and gets them back with the next query, so that it need not look for attributes again.
 */
export type ListingMarks = Readonly<Record<string, string>>;

/** What the engine sends. */
export type EngineMessage =
  /** Asks for a directory: `entries`, then `end`; then contents until `close`. */
  | { readonly type: 'list'; readonly id: number; readonly query: WireFileQuery }
  /** Asks for contents by the positions of entries, which are sent in this order. */
  | { readonly type: 'want'; readonly id: number; readonly positions: readonly number[] }
  /** Nothing more is wanted of what was opened under this number. */
  | { readonly type: 'close'; readonly id: number }
  /** Answered by `answer`, with the secret as its data. */
  | { readonly type: 'secret'; readonly id: number; readonly name: string }
  | { readonly type: 'has-ssh'; readonly id: number; readonly name: string }
  | { readonly type: 'credentials'; readonly id: number; readonly host: string }
  /** Opens a connection to the agent: `data` both ways, until one side sends `end`. */
  | { readonly type: 'ssh'; readonly id: number; readonly name: string }
  /** Asks for the archive that is the context: `data`, then `end`. */
  | { readonly type: 'archive'; readonly id: number }
  /** Creates an output's file: `data`, then `end`; answered when it is written. */
  | {
      readonly type: 'create';
      readonly id: number;
      readonly output: number;
      readonly attributes: Readonly<Record<string, string>>;
    }
  /** Writes an output's directory: `entries`, `content`, then `end`; answered when it is written. */
  | { readonly type: 'tree'; readonly id: number; readonly output: number }
  | { readonly type: 'entries'; readonly id: number; readonly entries: readonly EntryRow[] }
  | { readonly type: 'content'; readonly id: number; readonly position: number }
  | { readonly type: 'data'; readonly id: number }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'event'; readonly event: WireBuildEvent }
  /** The last message of a build that failed. */
  | { readonly type: 'failed'; readonly failure: WireBuildFailure };

/** What the client sends. */
export type ClientMessage =
  | { readonly type: 'entries'; readonly id: number; readonly entries: readonly EntryRow[] }
  | { readonly type: 'content'; readonly id: number; readonly position: number; readonly last: boolean }
  | { readonly type: 'data'; readonly id: number }
  | { readonly type: 'end'; readonly id: number; readonly marks?: ListingMarks }
  | { readonly type: 'answer'; readonly id: number; readonly found: boolean; readonly auth?: RegistryAuth }
  /** What was asked for under this number cannot be had. */
  | { readonly type: 'error'; readonly id: number; readonly message: string };

/** How a build goes; times are of the engine's clock, in milliseconds since 1970. */
export type WireBuildEvent =
  | { readonly type: 'vertex'; readonly vertex: WireVertex }
  /** The output is the message's data. */
  | {
      readonly type: 'vertex-output';
      readonly vertex: string;
      readonly atMs: number;
      readonly stream: 'stdout' | 'stderr';
    }
  | { readonly type: 'vertex-progress'; readonly vertex: string; readonly progress: WireProgress }
  | { readonly type: 'warning'; readonly vertex: string; readonly warning: WireWarning }
  /** The last message of a build that succeeded. */
  | {
      readonly type: 'built';
      readonly id?: string;
      readonly references: readonly string[];
      readonly response: Readonly<Record<string, string>>;
    };

export interface WireVertex {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly name: string;
  readonly startedAtMs?: number;
  readonly completedAtMs?: number;
  readonly cached: boolean;
  readonly error?: string;
}

export interface WireProgress {
  readonly id: string;
  readonly name?: string;
  readonly current: number;
  readonly total: number;
  readonly startedAtMs: number;
  readonly completedAtMs?: number;
}

export interface WireWarning {
  readonly rule: string;
  readonly message: string;
  readonly url?: string;
  readonly file: string;
  readonly startLine: number;
  readonly endLine: number;
  /** The lines of the file, marked; empty where they are not known. */
  readonly snippet?: string;
}

export interface WireBuildFailure {
  readonly code: string;
  readonly message: string;
  /** The exit code of the command that failed. */
  readonly exitCode?: number;
  /** The lines of the Dockerfile, marked. */
  readonly snippet?: string;
}

export function entryRow(entry: WireEntry): EntryRow {
  const { path, mode, sizeBytes, modifiedNs, linkName, uid, gid, deviceMajor, deviceMinor, xattrs } = entry;
  const seconds = modifiedNs / NS_PER_SECOND;
  const rest = modifiedNs - seconds * NS_PER_SECOND;
  const row = [
    path,
    mode,
    sizeBytes,
    Number(seconds),
    Number(rest),
    linkName,
    uid,
    gid,
    deviceMajor,
    deviceMinor,
  ];
  const attributes = Object.entries(xattrs);
  if (attributes.length > 0)
    return [...row, Object.fromEntries(attributes.map(([name, value]) => [name, value.toString('base64')]))];
  let length = row.length;
  while (length > FIXED_FIELDS && (row[length - 1] === 0 || row[length - 1] === '')) length--;
  return row.slice(0, length);
}

/** Most files have none; they share this one. */
const NO_XATTRS = {};

/** @throws {EngineError} `invalid` */
export function rowEntry(row: unknown): WireEntry {
  if (!Array.isArray(row)) throw malformed();
  const [path, mode, sizeBytes, seconds, rest, linkName = '', ...more]: readonly unknown[] = row;
  if (typeof path !== 'string' || typeof linkName !== 'string') throw malformed();
  const [uid = 0, gid = 0, deviceMajor = 0, deviceMinor = 0] = more.slice(0, 4).map(integerOf);
  return {
    path,
    mode: integerOf(mode),
    sizeBytes: integerOf(sizeBytes),
    modifiedNs: BigInt(integerOf(seconds)) * NS_PER_SECOND + BigInt(integerOf(rest)),
    linkName,
    uid,
    gid,
    deviceMajor,
    deviceMinor,
    xattrs: more.length > 4 ? attributesOf(more[4]) : NO_XATTRS,
  };
}

function attributesOf(value: unknown): Readonly<Record<string, Buffer>> {
  if (typeof value !== 'object' || value === null) throw malformed();
  return Object.fromEntries(
    Object.entries(value).map(([name, text]: [string, unknown]) => {
      if (typeof text !== 'string') throw malformed();
      return [name, Buffer.from(text, 'base64')];
    }),
  );
}

const NS_PER_SECOND = 1_000_000_000n;
/** Up to and with the time. */
const FIXED_FIELDS = 5;

function integerOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw malformed();
}

function malformed(): EngineError {
  return new EngineError('invalid', 'Cannot read message of a build: it is malformed');
}

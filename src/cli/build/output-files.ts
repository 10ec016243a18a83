/** Where the results of a build are written by this client. */
import {
  chmodSync,
  closeSync,
  constants as fs,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { placeOfText } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import type { FileSink, TreeSink } from '#client/build/providers.ts';
import type { WireEntry } from '#wire/build-session.ts';
import type { Output } from '../output.ts';

/** @param path `-` for standard output */
export function fileSink(path: string, stdout: Output): FileSink {
  if (path === '-') {
    return { write: (chunk) => stdout.write(chunk), finish: () => Promise.resolve(), [Symbol.dispose]() {} };
  }
  mkdirSync(dirname(path), { recursive: true });
  let fd: number | undefined = openSync(path, 'w', 0o644);
  let isWhole = false;
  const close = () => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  return {
    write: (chunk) => {
      if (fd !== undefined) writeWhole(fd, chunk);
    },
    finish: () => {
      isWhole = true;
      close();
      return Promise.resolve();
    },
    [Symbol.dispose]: () => {
      close();
      if (!isWhole) rmSync(path, { force: true });
    },
  };
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

const NS_PER_SECOND = 1_000_000_000;

/** Writes into a directory, over what is there. Owners are this process's: only archives keep them. */
export class DirectorySink implements TreeSink {
  readonly #root: string;
  readonly #entries: WireEntry[] = [];
  /** Directories that were made here or seen to be no links: files are written into these only. */
  readonly #directories = new Set(['.']);
  #open: { readonly position: number; readonly fd: number } | undefined;

  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true });
  }

  entry(entry: WireEntry): void {
    this.#finishFile();
    this.#entries.push(entry);
    const path = this.#place(entry.path);
    const type = entry.mode & fs.S_IFMT;
    if (type === fs.S_IFDIR) {
      if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory())
        rmSync(path, { recursive: true, force: true });
      mkdirSync(path, { recursive: true });
      this.#directories.add(normalize(entry.path));
      return;
    }
    if (this.#directories.has(normalize(entry.path)))
      throw new EngineError('invalid', `Cannot write ${entry.path}: it comes twice`);
    rmSync(path, { recursive: true, force: true });
    if (type === fs.S_IFLNK) symlinkSync(placeOfText(entry.linkName), path);
    else if (type === fs.S_IFREG && entry.linkName !== '') linkSync(this.#place(entry.linkName), path);
    else if (type === fs.S_IFREG) this.#create(path, entry);
  }

  content(position: number, chunk: Uint8Array): void {
    if (this.#open?.position !== position)
      throw new EngineError('invalid', 'Cannot write output: contents came without their file');
    writeWhole(this.#open.fd, chunk);
  }

  /** Directories last: what is made in them changes their times. */
  async finish(): Promise<void> {
    this.#finishFile();
    await this.#writeXattrs();
    for (const entry of this.#entries.toReversed())
      if ((entry.mode & fs.S_IFMT) === fs.S_IFDIR) this.#finishEntry(entry);
  }

  /** Attributes that cannot be written here are left out, such as capabilities where the user is not root. */
  async #writeXattrs(): Promise<void> {
    const entries = this.#entries.filter(({ xattrs }) => Object.keys(xattrs).length > 0);
    if (entries.length === 0) return;
    const { writeXattrs } = await import('#client/build/xattrs.ts');
    for (const { path, xattrs } of entries) writeXattrs(`${this.#root}/${normalize(path)}`, xattrs);
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #create(path: string | Buffer, entry: WireEntry): void {
    const flags = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;
    this.#open = { position: this.#entries.length - 1, fd: openSync(path, flags, 0o600) };
    if (entry.sizeBytes === 0) this.#finishFile();
  }

  #finishFile(): void {
    if (!this.#open) return;
    closeSync(this.#open.fd);
    const entry = this.#entries[this.#open.position];
    this.#open = undefined;
    if (entry) this.#finishEntry(entry);
  }

  #finishEntry(entry: WireEntry): void {
    const path = this.#place(entry.path);
    chmodSync(path, entry.mode & 0o7777);
    const seconds = Number(entry.modifiedNs) / NS_PER_SECOND;
    lutimesSync(path, seconds, seconds);
  }

  /** @throws {EngineError} `invalid` for what would be outside of the destination, by its name or through a link */
  #place(path: string): string | Buffer {
    const clean = normalize(path);
    if (clean.startsWith('..') || clean.startsWith('/') || !this.#directories.has(dirname(clean)))
      throw new EngineError('invalid', `Cannot write ${path}: it is outside of the destination`);
    return placeOfText(join(this.#root, clean));
  }
}

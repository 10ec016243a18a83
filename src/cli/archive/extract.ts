import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { bytesOfText, placeOfText, textOfBytes } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import { readTar } from '#oci/tar-stream.ts';

export interface ExtractOptions {
  /** The name that a member gets in place of its own; undefined leaves it out. */
  readonly rename: (name: string) => string | undefined;
  /** Gives the files the owners that the archive names, rather than this process's. */
  readonly owners: boolean;
}

/**
 * Unpacks an archive below `directory`. The archive is not trusted: no member lands outside, whatever its name, and
 * none is written through a symbolic link that the archive (or an earlier one) left there.
 *
 * @throws {EngineError} `invalid` for a malformed archive or a member that would escape
 */
export async function extractTree(
  archive: AsyncIterable<Buffer>,
  directory: string,
  options: ExtractOptions,
): Promise<void> {
  const extractor = new Extractor(directory, options);
  try {
    for await (const event of readTar(archive)) {
      if (event.kind === 'entry') extractor.begin(event.entry);
      else if (event.kind === 'data') extractor.data(event.data, event.offset);
      else extractor.end();
    }
    extractor.finish();
  } finally {
    extractor.close();
  }
}

interface OpenFile {
  readonly entry: TarEntry;
  readonly path: string;
  readonly fd: number | undefined;
}

class Extractor {
  readonly #root: string;
  readonly #options: ExtractOptions;
  /** Directories below the root that were seen to be directories, and not links. */
  readonly #verified = new Set<string>();
  readonly #directories: { readonly path: string; readonly entry: TarEntry }[] = [];
  #open: OpenFile | undefined;

  constructor(root: string, options: ExtractOptions) {
    this.#root = resolve(root);
    this.#options = options;
  }

  begin(entry: TarEntry): void {
    const name = this.#options.rename(nameOf(entry.path, entry.pathBytes));
    if (name === undefined) return;
    const path = this.#place(name);
    if (path === this.#root && entry.type !== 'directory') return;
    if (path !== this.#root) this.#verifyParents(parentOf(path));
    if (entry.type === 'directory') this.#directory(path, entry);
    else this.#create(path, entry);
  }

  data(data: Buffer, offset: number): void {
    const { fd } = this.#open ?? {};
    if (fd === undefined) return;
    for (let done = 0; done < data.length; )
      done += writeSync(fd, data, done, data.length - done, offset + done);
  }

  end(): void {
    if (!this.#open) return;
    const { entry, path, fd } = this.#open;
    if (fd === undefined) this.#attributes(path, entry);
    else this.#attributesOf(fd, entry);
    this.close();
  }

  /** Directories last: writing into them changed their times, and their modes may forbid writing. */
  finish(): void {
    for (const { path, entry } of this.#directories.toReversed()) this.#attributes(path, entry);
  }

  close(): void {
    if (this.#open?.fd !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #place(name: string): string {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw escapes(name);
    return [this.#root, ...parts].join('/');
  }

  #verifyParents(directory: string): void {
    if (directory === this.#root || this.#verified.has(directory)) return;
    this.#verifyParents(parentOf(directory));
    const stat = lstatSync(placeOfText(directory), { throwIfNoEntry: false });
    if (stat && !stat.isDirectory()) throw escapes(directory);
    if (!stat) mkdirSync(placeOfText(directory));
    this.#verified.add(directory);
  }

  #directory(path: string, entry: TarEntry): void {
    const stat = path === this.#root ? undefined : lstatSync(placeOfText(path), { throwIfNoEntry: false });
    if (stat && !stat.isDirectory()) {
      throw new EngineError(
        'conflict',
        `Cannot copy to ${path}: cannot overwrite non-directory with directory`,
      );
    }
    if (path !== this.#root) {
      if (!stat) mkdirSync(placeOfText(path));
      this.#verified.add(path);
    } else mkdirSync(placeOfText(path), { recursive: true });
    this.#directories.push({ path, entry });
  }

  #create(path: string, entry: TarEntry): void {
    const stat = lstatSync(placeOfText(path), { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      throw new EngineError(
        'conflict',
        `Cannot copy to ${path}: cannot overwrite directory with non-directory`,
      );
    }
    if (stat) unlinkSync(placeOfText(path));
    switch (entry.type) {
      case 'symlink':
        symlinkSync(entry.linkNameBytes ?? entry.linkName, placeOfText(path));
        this.#open = { entry, path, fd: undefined };
        return;
      case 'hardlink':
        this.#link(path, entry);
        return;
      case 'file':
        this.#open = { entry, path, fd: openSync(placeOfText(path), 'wx', 0o600) };
        return;
      case 'fifo':
        // Node has no call for it.
        execFileSync('xargs', ['-0', 'mkfifo', '--'], { input: bytesOfText(path) });
        this.#open = { entry, path, fd: undefined };
        return;
      case 'block':
      case 'character':
      case 'directory':
        // Devices: only root could make them, and a copy of a tree is not worth failing for.
        return;
    }
  }

  #link(path: string, entry: TarEntry): void {
    const target = this.#options.rename(nameOf(entry.linkName, entry.linkNameBytes));
    if (target === undefined) return;
    const from = this.#place(target);
    this.#verifyParents(parentOf(from));
    linkSync(placeOfText(from), placeOfText(path));
  }

  #attributes(path: string, entry: TarEntry): void {
    if (this.#options.owners) lchownSync(placeOfText(path), entry.uid, entry.gid);
    if (entry.type !== 'symlink') chmodSync(placeOfText(path), entry.mode);
    const seconds = Number(entry.mtimeNs) / 1e9;
    lutimesSync(placeOfText(path), seconds, seconds);
  }

  /** Through the descriptor of a file that is still open, without another look-up of its path. */
  #attributesOf(fd: number, entry: TarEntry): void {
    if (entry.realSizeBytes !== undefined) ftruncateSync(fd, entry.realSizeBytes);
    if (this.#options.owners) fchownSync(fd, entry.uid, entry.gid);
    fchmodSync(fd, entry.mode);
    const seconds = Number(entry.mtimeNs) / 1e9;
    futimesSync(fd, seconds, seconds);
  }
}

/** Bun's `node:path` takes away what is no text. */
function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** As `base/byte-text.ts` has names. */
function nameOf(name: string, bytes: Buffer | undefined): string {
  return bytes ? textOfBytes(bytes) : name;
}

function escapes(name: string): EngineError {
  return new EngineError(
    'invalid',
    `Cannot unpack ${JSON.stringify(name)}: it would be written outside of the destination`,
  );
}

/** A client of builds that keeps what it is sent in directories of this machine. */
import { createWriteStream, linkSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import { EngineError } from '../../src/base/errors.ts';
import { LocalTransfer } from '../../src/build/program/local-transfer.ts';
import type { RegistryCredentials } from '../../src/registry/credentials.ts';
import type {
  BuildSession,
  FileQuery,
  FileTransfer,
  FileTree,
} from '../../src/build/session/build-session.ts';

const TYPE_MASK = 0o170000;

export class DirectorySession implements BuildSession {
  readonly closed = new AbortController().signal;
  readonly directory: string;
  readonly trees: string[][] = [];
  readonly directories = new Map<string, string>();
  readonly #auth: RegistryCredentials | undefined;

  /** Output N goes to `DIRECTORY/N`, a file or a directory. */
  constructor(directory: string, auth?: RegistryCredentials) {
    this.directory = directory;
    this.#auth = auth;
    mkdirSync(directory, { recursive: true });
  }

  /** Directories by their names. */
  openFiles(query: FileQuery): FileTransfer {
    const directory = this.directories.get(query.directory);
    if (directory === undefined) throw new EngineError('not-found', `no directory ${query.directory}`);
    return new LocalTransfer(directory, query);
  }

  async secret(): Promise<undefined> {}

  async hasSshAgent(): Promise<boolean> {
    return false;
  }

  async openSshAgent(): Promise<never> {
    throw new Error('no agent');
  }

  async credentials(): Promise<RegistryCredentials | undefined> {
    return this.#auth;
  }

  async openFile(output: number): Promise<Writable> {
    return createWriteStream(join(this.directory, String(output)));
  }

  async sendTree(output: number, tree: FileTree): Promise<void> {
    const root = join(this.directory, String(output));
    mkdirSync(root, { recursive: true });
    const paths: string[] = [];
    for await (const entry of tree.entries()) {
      const path = join(root, entry.path);
      const { mode, linkName } = entry;
      paths.push(entry.path);
      if ((mode & TYPE_MASK) === 0o040000) mkdirSync(path, { mode: mode & 0o7777 });
      else if ((mode & TYPE_MASK) === 0o120000) symlinkSync(linkName, path);
      else if (linkName !== '') linkSync(join(root, linkName), path);
      else {
        await pipeline(tree.contents(entry), createWriteStream(path, { mode: mode & 0o7777 }));
        const seconds = Number(entry.modifiedNs / 1_000_000_000n);
        utimesSync(path, seconds, seconds);
      }
    }
    this.trees.push(paths);
  }
}

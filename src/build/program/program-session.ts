/** What a program serves to its builds: directories, secrets, keys, and places for results. */
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Duplex, Writable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import type { AgentSource } from '#base/ssh-agent/agent-source.ts';
import type { BuildSession, FileQuery, FileTransfer, FileTree } from '../session/build-session.ts';
import type { LocalDirectory } from './origins.ts';
import { LocalTransfer } from './local-transfer.ts';
import { writeTree } from './write-tree.ts';

export interface ProgramSessionOptions {
  readonly dockerfile: string;
  readonly directories: ReadonlyMap<string, LocalDirectory>;
  readonly secrets: Readonly<Record<string, string | Uint8Array>>;
  /** By id. */
  readonly agents: ReadonlyMap<string, AgentSource>;
  readonly credentials: Readonly<Record<string, RegistryCredentials>>;
  /** Caches of this machine (`type=local`), by the names that builds ask for them by. */
  readonly caches: ReadonlyMap<string, string>;
  /** Where each output goes, by its number; those of exported caches follow. */
  readonly destinations: readonly (string | undefined)[];
}

/** Directories that hold the program's own text, and nothing at all. */
const DOCKERFILE = 'dockerfile';
const CONTEXT = 'context';

export class ProgramSession implements BuildSession, Disposable {
  readonly closed: AbortSignal = new AbortController().signal;
  readonly sharedKey: string;
  readonly #options: ProgramSessionOptions;
  readonly #own: string;

  constructor(options: ProgramSessionOptions) {
    this.#options = options;
    this.sharedKey = `program:${[...options.directories.values()].map(({ path }) => resolve(path)).join(':')}`;
    this.#own = mkdtempSync(join(tmpdir(), 'caisson-program-'));
    writeFileSync(join(this.#own, 'Dockerfile'), options.dockerfile);
  }

  openFiles(query: FileQuery): FileTransfer {
    const { directory } = query;
    if (directory === DOCKERFILE) return new LocalTransfer(this.#own, query);
    if (directory === CONTEXT) return new LocalTransfer(this.#own, { ...query, excludePatterns: ['*'] });
    const cache = this.#options.caches.get(directory);
    if (cache !== undefined) return new LocalTransfer(resolve(cache), query);
    const source = this.#options.directories.get(directory);
    if (!source) throw new EngineError('not-found', `Cannot read directory ${directory}: there is none`);
    const excludePatterns = [...query.excludePatterns, ...source.ignore];
    return new LocalTransfer(resolve(source.path), { ...query, excludePatterns });
  }

  async secret(id: string): Promise<Buffer | undefined> {
    const value = this.#options.secrets[id];
    return value === undefined ? undefined : Buffer.from(value);
  }

  async hasSshAgent(id: string): Promise<boolean> {
    return this.#options.agents.has(id);
  }

  async openSshAgent(id: string): Promise<Duplex> {
    const source = this.#options.agents.get(id);
    if (!source) throw new EngineError('not-found', `Cannot open SSH agent ${id}: there is none`);
    return await source.open();
  }

  async credentials(host: string): Promise<RegistryCredentials | undefined> {
    return this.#options.credentials[host];
  }

  async openFile(output: number): Promise<Writable> {
    return createWriteStream(this.#destination(output));
  }

  async sendTree(output: number, tree: FileTree): Promise<void> {
    await writeTree(this.#destination(output), tree);
  }

  [Symbol.dispose](): void {
    rmSync(this.#own, { recursive: true, force: true });
  }

  #destination(output: number): string {
    const destination = this.#options.destinations[output];
    if (destination === undefined)
      throw new EngineError('invalid', `Cannot write output ${output}: it needs a destination`);
    return destination;
  }
}

/** A container that a program has started, and what the program does with it. */
import { Readable } from 'node:stream';
import { hasReason } from '#base/errors.ts';
import type { Containers, OutputChunk } from '#container/container.ts';
import type { ContainerView } from '#container/views.ts';
import { ANY_IPV4, ANY_IPV6 } from '#network/publication.ts';
import { engineError } from '../engine-errors.ts';
import { CollectedOutput } from './collected-output.ts';
import { type ExecOptions, execSpecOf } from './exec-options.ts';
import { wordsOf } from './run-options.ts';

/** How a process ended, and what it wrote. */
export interface ProcessOutput {
  /** 128 and more: ended by a signal. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a published port is reached on this machine. */
export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

export interface LineOptions {
  readonly signal?: AbortSignal;
}

/** How many of its last lines the error of a container shows. */
const SHOWN_LINES = 10;

const EVERYTHING = { stdout: true, stderr: true, perLine: false };

/**
 * Disposing it kills and removes the container, with the volumes that have no name.
 *
 * ```ts
 * await using database = await engine.containers.run({ image: 'postgres:18', ports: [5432], environment });
 * await database.line(/ready to accept connections/);
 * const { host, port } = await database.address(5432);
 * ```
 */
export class RunningContainer implements AsyncDisposable {
  readonly id: string;
  /** How it ends: settled once, however many wait for it. */
  readonly exited: Promise<number>;
  readonly #containers: Containers;

  constructor(containers: Containers, id: string, exited: Promise<number>) {
    this.#containers = containers;
    this.id = id;
    this.exited = exited;
  }

  inspect(): Promise<ContainerView> {
    return this.#containers.inspect(this.id, { size: false });
  }

  /** Waits until it ends, and returns all that its log has of it. */
  async output(): Promise<ProcessOutput> {
    const exitCode = await this.exited;
    const { records } = await this.#containers.logs(this.id, { ...EVERYTHING, follow: false });
    const output = new CollectedOutput();
    for await (const { stream, data } of records) output.add({ stream, data });
    return { exitCode, ...output.texts() };
  }

  /** What it writes, from its beginning to its end, line by line. Leaving the loop leaves the container alone. */
  async *lines({ signal }: LineOptions = {}): AsyncGenerator<string, void> {
    const request = { ...EVERYTHING, follow: true, perLine: true, ...(signal && { signal }) };
    const { records } = await this.#containers.logs(this.id, request);
    for await (const { data } of records) yield data.toString().replace(/\r?\n$/, '');
  }

  /**
   * Waits for a line that it writes; one that is there already does.
   *
   * @throws {EngineError} `line-not-written` if it ends without, with its last lines
   */
  async line(pattern: RegExp, options: LineOptions = {}): Promise<string> {
    const last: string[] = [];
    for await (const line of this.lines(options)) {
      if (pattern.test(line)) return line;
      last.push(line);
      if (last.length > SHOWN_LINES) last.shift();
    }
    options.signal?.throwIfAborted();
    const said = last.length === 0 ? 'it wrote nothing' : `its last lines are:\n${last.join('\n')}`;
    throw engineError('line-not-written', { subject: this.id, details: { pattern: String(pattern), said } });
  }

  /** @throws {EngineError} `port-not-published` */
  async address(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<HostAddress> {
    const { network } = await this.inspect();
    const published = network.sandbox?.publications.find(
      (publication) => publication.port === port && publication.protocol === protocol,
    );
    if (!published)
      throw engineError('port-not-published', { subject: this.id, details: { port: `${port}/${protocol}` } });
    return { host: reachable(published.hostAddress), port: published.hostPort };
  }

  /** Runs a further process in it and waits for its end. A text is run by `/bin/sh -c`. */
  async exec(command: readonly string[] | string, options: ExecOptions = {}): Promise<ProcessOutput> {
    const { id } = await this.#containers.createExec(this.id, execSpecOf(wordsOf(command), options));
    using attachment = await this.#containers.startExec(id, { detach: false });
    const output = new CollectedOutput();
    const chunks: AsyncIterable<OutputChunk> = attachment?.output ?? Readable.from([]);
    for await (const chunk of chunks) output.add(chunk);
    return { exitCode: this.#containers.inspectExec(id).exitCode ?? 0, ...output.texts() };
  }

  /** Asks it to end, and kills it after `timeoutSeconds` (10 where nothing else is said). @returns how it ended */
  async stop(options: { readonly signal?: string; readonly timeoutSeconds?: number } = {}): Promise<number> {
    await this.#containers.stop(this.id, options);
    return await this.exited;
  }

  async kill(signal = 'SIGKILL'): Promise<void> {
    await this.#containers.kill(this.id, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#containers.remove(this.id, { force: true, volumes: true, link: false });
    } catch (error) {
      if (!hasReason(error, 'no-such-container')) throw error;
    }
  }
}

/** An address that leads to it, where it is published on all of them. */
function reachable(address: string): string {
  if (address === ANY_IPV4) return '127.0.0.1';
  return address === ANY_IPV6 ? '::1' : address;
}

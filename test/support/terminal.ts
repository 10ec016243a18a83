import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import { openPtyMaster, openTtyStream, setWindowSize } from '../../src/linux/pty.ts';
import { type ProcessWatch, watchExit } from '../../src/linux/process.ts';
import { spawnProcess } from '../../src/linux/spawn.ts';

/** A program on a pseudo-terminal of its own, as a person would use it. */
export class Terminal implements Disposable {
  readonly pid: number;
  readonly #master: number;
  readonly #stream: ReadStream;
  readonly #watch: ProcessWatch;
  readonly #ended: Promise<unknown>;
  #screen = '';
  #changed = Promise.withResolvers<void>();

  private constructor(pid: number, master: number) {
    this.pid = pid;
    this.#master = master;
    this.#watch = watchExit(pid);
    this.#stream = openTtyStream(master);
    this.#ended = once(this.#stream, 'close');
    this.#stream.on('data', (chunk: Buffer) => {
      this.#screen += chunk.toString();
      this.#changed.resolve();
      this.#changed = Promise.withResolvers<void>();
    });
  }

  static open(command: readonly string[], size = { rows: 24, columns: 80 }): Terminal {
    const { master, slavePath } = openPtyMaster();
    setWindowSize(master, size.rows, size.columns);
    const slave = openSync(slavePath, 'r+');
    try {
      const pid = spawnProcess({
        path: '/usr/bin/setsid',
        args: ['setsid', '--ctty', '--wait', ...command],
        env: Object.entries({ ...process.env, TERM: 'xterm', DOCKER_CLI_HINTS: 'false' }).map(
          ([name, value]) => `${name}=${value ?? ''}`,
        ),
        stdio: [slave, slave, slave],
      });
      return new Terminal(pid, master);
    } finally {
      closeSync(slave);
    }
  }

  /** Everything that was printed. */
  get screen(): string {
    return this.#screen;
  }

  type(text: string): void {
    this.#stream.write(text);
  }

  resize(rows: number, columns: number): void {
    setWindowSize(this.#master, rows, columns);
  }

  /** Waits until what was printed after `from` characters matches. */
  async until(
    pattern: RegExp,
    options: { readonly timeoutMs?: number; readonly from?: number } = {},
  ): Promise<string> {
    const deadline = AbortSignal.timeout(options.timeoutMs ?? 60_000);
    for (;;) {
      const text = this.#screen.slice(options.from ?? 0);
      const match = pattern.exec(text);
      if (match) return match[0];
      if (deadline.aborted) throw new Error(`${String(pattern)} did not appear in:\n${text}`);
      await Promise.race([this.#changed.promise, aborted(deadline)]);
    }
  }

  /** Asks the shell on the terminal for its size until it has this one: a new size travels beside what is typed. */
  async untilSize(rows: number, columns: number, beforeEach?: () => void): Promise<void> {
    const wanted = `${rows} ${columns}\r`;
    for (;;) {
      const from = this.#screen.length;
      beforeEach?.();
      this.type('stty size\r');
      if ((await this.until(/\d+ \d+\r/, { from })) === wanted) return;
    }
  }

  /** Hangs up, as a window that is closed. */
  close(): void {
    this.#stream.destroy();
  }

  /** Waits for the program's end, and until everything that it printed is on the screen. */
  async exitCode(): Promise<number> {
    const status = await this.#watch.exited;
    await this.#ended;
    return status?.code ?? -1;
  }

  [Symbol.dispose](): void {
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
    this.#watch[Symbol.dispose]();
    this.#stream.destroy();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

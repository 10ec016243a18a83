/** `caisson` against an engine, as a user at a shell has it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findCommand } from '../../src/cli/catalogue.ts';
import { createContext } from '../../src/cli/context.ts';
import { parseFlags } from '../../src/cli/parse-flags.ts';
import { reportFailure } from '../../src/cli/report-failure.ts';
import { DOCKER_CONFIG } from '../support/docker-config.ts';
import { type Outcome, type RunOptions, runProgram } from '../support/docker.ts';

export const CAISSON = join(import.meta.dirname, '../../src/main/caisson.ts');

export class CaissonCli implements Disposable {
  readonly scratch = mkdtempSync('/tmp/caisson-cli-');
  readonly #host: () => string;

  /** @param host of the engine, once it runs */
  constructor(host: () => string) {
    this.#host = host;
  }

  /** In this process, which is much faster, unless there is something for its standard input. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    if (options.input !== undefined)
      return await runProgram(process.execPath, [CAISSON, '-H', this.#host(), ...args], options);
    const said = { stdout: '', stderr: '' };
    const outputOf = (name: keyof typeof said, fd: number) => ({
      fd,
      isTerminal: false,
      write: (data: string | Uint8Array) => void (said[name] += Buffer.from(data).toString()),
    });
    const environment = { PATH: process.env['PATH'], DOCKER_CONFIG, ...options.env };
    const created = createContext({ host: this.#host(), debug: false, context: '', tls: {} }, environment);
    const [stdout, stderr] = [outputOf('stdout', 1), outputOf('stderr', 2)];
    const context = {
      ...created,
      stdout,
      stderr,
      say: (line: string) => stderr.write(`${line}\n`),
      print: (line: string) => stdout.write(`${line}\n`),
    };
    const found = findCommand(args);
    assert.ok(found.kind === 'command', args.join(' '));
    try {
      const command = await found.load();
      const { values, given, rest } = parseFlags(command.flags, found.rest, { interspersed: true });
      const exitCode = await command.run(context, { flags: values, given, operands: rest });
      return { exitCode, ...said };
    } catch (error) {
      const exitCode = await reportFailure(context, found, error);
      return { exitCode, ...said };
    }
  }

  /** @throws {assert.AssertionError} unless it succeeds, with what it said */
  async ok(args: readonly string[], options?: RunOptions): Promise<Outcome> {
    const outcome = await this.run(args, options);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    return outcome;
  }

  /** What it says when it fails, which it has to. */
  async failure(args: readonly string[], options?: RunOptions): Promise<string> {
    const { exitCode, stderr } = await this.run(args, options);
    assert.notEqual(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /\n\s+at /, 'users see no stack');
    return stderr;
  }

  directory(files: Readonly<Record<string, string | Buffer>> = {}): string {
    const directory = mkdtempSync(join(this.scratch, 'files-'));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  }

  [Symbol.dispose](): void {
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

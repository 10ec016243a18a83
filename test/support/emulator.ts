/** Programs of another machine, and the emulator by which the kernel runs them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostPlatform } from '../../src/oci/platform.ts';
import { programHead } from '../../src/oci/program-format.ts';

const FETCHED = join(import.meta.dirname, '../../build/foreign');

export const HOST = hostPlatform().architecture;
/** What is emulated in tests. */
export const FOREIGN = HOST === 'arm64' ? 'amd64' : 'arm64';

/** EI_PAD of <elf.h>: always 0, and looked at by no emulator. */
const PADDING_OFFSET = 9;
const OS_ABI_OFFSET = 7;
const TYPE_OFFSET = 16;
/** What the header tells up to the machine. */
const MAGIC_BYTES = 20;
/** A mark in the header, so that this emulator and those of the machine never run each other's programs. */
const MARK = process.pid;

/** The emulator's program. */
export function emulatorPath(): string {
  return fetched('emulator');
}

/** A static busybox for the foreign platform, which only an {@link Emulator} of this process runs. */
export function foreignBusybox(): Buffer {
  const program = readFileSync(fetched('busybox'));
  program.writeUInt32LE(MARK, PADDING_OFFSET);
  return program;
}

function fetched(name: string): string {
  const path = join(FETCHED, name);
  if (!existsSync(path)) throw new Error(`${path} is missing: sh scripts/foreign-programs.sh fetches it`);
  return path;
}

export interface EmulatorOptions {
  /** Debian's by default: open the program, preserve its name, hold the interpreter. */
  readonly flags?: string;
  readonly interpreter?: string;
  /** True: for the foreign platform's programs of everybody. */
  readonly forAll?: boolean;
}

/** A registration with the kernel under a name of its own, until it is disposed of. */
export class Emulator implements Disposable {
  readonly name: string;
  /** Where others have mounted the same, or have not, is theirs. */
  readonly #directory = mkdtempSync('/tmp/caisson-binfmt-');
  readonly #undo = new DisposableStack();

  constructor({ flags = 'OPF', interpreter = emulatorPath(), forAll = false }: EmulatorOptions = {}) {
    this.#undo.defer(() => rmdirSync(this.#directory));
    this.name = `caisson-test-${process.pid}${forAll ? '-all' : ''}`;
    run('mount', '-t', 'binfmt_misc', 'none', this.#directory);
    this.#undo.defer(() => run('umount', this.#directory));
    const magic = programHead(FOREIGN)?.subarray(0, MAGIC_BYTES) ?? Buffer.alloc(0);
    const mask = Buffer.alloc(MAGIC_BYTES, 0xff);
    if (!forAll) magic.writeUInt32LE(MARK, PADDING_OFFSET);
    mask[OS_ABI_OFFSET] = 0;
    // Position-independent or not.
    mask[TYPE_OFFSET] = 0xfe;
    const fields = ['', this.name, 'M', '', escaped(magic), escaped(mask), interpreter, flags];
    writeFileSync(join(this.#directory, 'register'), fields.join(':'));
    this.#undo.defer(() => this.#write('-1'));
  }

  enable(): void {
    this.#write('1');
  }

  disable(): void {
    this.#write('0');
  }

  #write(text: string): void {
    writeFileSync(join(this.#directory, this.name), text);
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }
}

function escaped(bytes: Buffer): string {
  return bytes.toString('hex').replace(/../g, (byte) => `\\x${byte}`);
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

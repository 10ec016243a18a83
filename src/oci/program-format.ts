/** What the first bytes of a file say about how it is run: elf(5), execve(2). */

export type ProgramFormat =
  /** Has no architecture where no platform is named after the machine. */
  | { readonly kind: 'program'; readonly architecture?: string; readonly loader?: string }
  | { readonly kind: 'script'; readonly interpreter: string }
  | { readonly kind: 'other' };

/** More than what the kernel reads of a file to decide: where linkers put the name of the loader. */
export const PROGRAM_HEAD_BYTES = 4096;
/** What the kernel reads (BINPRM_BUF_SIZE). */
const SCRIPT_HEAD_BYTES = 256;

/** What tells machines apart in an ELF header. */
interface Machine {
  readonly bits: 32 | 64;
  readonly bigEndian?: true;
  /** EM_… of <elf.h> */
  readonly number: number;
}

/** By Go's names. */
const MACHINES: Readonly<Record<string, Machine>> = {
  amd64: { bits: 64, number: 62 },
  386: { bits: 32, number: 3 },
  arm64: { bits: 64, number: 183 },
  arm: { bits: 32, number: 40 },
  riscv64: { bits: 64, number: 243 },
  ppc64le: { bits: 64, number: 21 },
  s390x: { bits: 64, bigEndian: true, number: 22 },
  mips64le: { bits: 64, number: 8 },
  loong64: { bits: 64, number: 258 },
};

const MAGIC = Buffer.from('\u007fELF', 'latin1');
const CLASS_OFFSET = 4;
const DATA_OFFSET = 5;
const VERSION_OFFSET = 6;
const TYPE_OFFSET = 16;
const MACHINE_OFFSET = 18;
const ET_EXEC = 2;

/** @param head the first {@link PROGRAM_HEAD_BYTES} bytes, or the whole of a smaller file */
export function programFormat(head: Buffer): ProgramFormat {
  if (head.toString('latin1', 0, 2) === '#!') return scriptFormat(head);
  const isElf = head.length > MACHINE_OFFSET + 1 && head.subarray(0, MAGIC.length).equals(MAGIC);
  if (!isElf) return { kind: 'other' };
  const found = Object.entries(MACHINES).find(([, machine]) => isFor(machine, head));
  if (!found) return { kind: 'program' };
  const loader = loaderOf(found[1], head);
  return { kind: 'program', architecture: found[0], ...(loader !== undefined && { loader }) };
}

/** Where the fields of a program header and of its table are, by the size of addresses. */
const HEADERS = {
  32: { table: 28, entryBytes: 42, count: 44, offset: 4, size: 16 },
  64: { table: 32, entryBytes: 54, count: 56, offset: 8, size: 32 },
} as const;
const PT_INTERP = 3;

/** The dynamic loader that a program names; undefined for a static one, and for what is told further on in the file. */
function loaderOf({ bits, bigEndian }: Machine, head: Buffer): string | undefined {
  const short = (at: number) => field(head, at, 2, bigEndian);
  const address = (at: number) => field(head, at, bits / 8, bigEndian);
  const { table, entryBytes, count, offset, size } = HEADERS[bits];
  for (let index = 0; index < short(count); index++) {
    const entry = address(table) + index * short(entryBytes);
    if (field(head, entry, 4, bigEndian) !== PT_INTERP) continue;
    const start = address(entry + offset);
    const end = start + address(entry + size);
    return end > start + 1 && end <= head.length ? head.toString('utf8', start, end - 1) : undefined;
  }
  return undefined;
}

/** The lower 48 bits of an address; zero beyond the end of the file. */
function field(head: Buffer, at: number, sizeBytes: number, bigEndian: true | undefined): number {
  if (at + sizeBytes > head.length) return 0;
  const bytes = Math.min(sizeBytes, 6);
  return bigEndian ? head.readUIntBE(at + sizeBytes - bytes, bytes) : head.readUIntLE(at, bytes);
}

function scriptFormat(head: Buffer): ProgramFormat {
  const [line = ''] = head.toString('utf8', 2, SCRIPT_HEAD_BYTES).split('\n', 1);
  const [interpreter = ''] = line.replace(/^[ \t]+/, '').split(/[ \t]/, 1);
  return interpreter === '' ? { kind: 'other' } : { kind: 'script', interpreter };
}

function isFor({ bits, bigEndian, number }: Machine, head: Buffer): boolean {
  if (head[CLASS_OFFSET] !== classOf(bits) || head[DATA_OFFSET] !== dataOf(bigEndian)) return false;
  return (bigEndian ? head.readUInt16BE(MACHINE_OFFSET) : head.readUInt16LE(MACHINE_OFFSET)) === number;
}

/** How programs for an architecture begin; undefined for one that is not known. */
export function programHead(architecture: string): Buffer | undefined {
  const machine = MACHINES[architecture];
  if (!machine) return undefined;
  const { bits, bigEndian, number } = machine;
  const head = Buffer.alloc(PROGRAM_HEAD_BYTES);
  MAGIC.copy(head);
  head[CLASS_OFFSET] = classOf(bits);
  head[DATA_OFFSET] = dataOf(bigEndian);
  head[VERSION_OFFSET] = 1;
  for (const [offset, value] of [
    [TYPE_OFFSET, ET_EXEC],
    [MACHINE_OFFSET, number],
  ] as const)
    if (bigEndian) head.writeUInt16BE(value, offset);
    else head.writeUInt16LE(value, offset);
  return head;
}

function classOf(bits: Machine['bits']): number {
  return bits === 64 ? 2 : 1;
}

function dataOf(bigEndian: true | undefined): number {
  return bigEndian ? 2 : 1;
}

import { closeSync, openSync, readSync } from 'node:fs';

/** What each level has beyond the one before, in the words of /proc/cpuinfo (System V ABI for AMD64, section 3.1.1). */
const ADDED: readonly (readonly [level: string, flags: readonly string[]])[] = [
  ['v2', ['cx16', 'lahf_lm', 'pni', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3']],
  ['v3', ['abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave']],
  ['v4', ['avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl']],
];

/** The levels of x86-64 above the first that this machine's processors have; none on others. */
export function x86Levels(processor: string = readFirstProcessor()): readonly string[] {
  const [, list = ''] = /^flags\s*: (.*)$/m.exec(processor) ?? [];
  const flags = new Set(list.split(' '));
  const lacking = ADDED.findIndex(([, added]) => !added.every((flag) => flags.has(flag)));
  return (lacking < 0 ? ADDED : ADDED.slice(0, lacking)).map(([level]) => level);
}

const FIRST_PROCESSOR_BYTES = 4096;

/** All of the file would take long on machines with many. */
function readFirstProcessor(): string {
  const fd = openSync('/proc/cpuinfo', 'r');
  try {
    const buffer = Buffer.alloc(FIRST_PROCESSOR_BYTES);
    return buffer.toString('latin1', 0, readSync(fd, buffer));
  } finally {
    closeSync(fd);
  }
}

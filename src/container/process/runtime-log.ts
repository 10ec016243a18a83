import { readFileSync } from 'node:fs';

/** The first error in a runtime's log. */
export function readReason(path: string): string {
  try {
    const [line = ''] = readFileSync(path, 'utf8').split('\n');
    const entry: unknown = JSON.parse(line);
    const isEntry = typeof entry === 'object' && entry !== null && 'msg' in entry;
    return isEntry && typeof entry.msg === 'string' ? entry.msg : line;
  } catch {
    return 'the runtime gave no reason';
  }
}

import { readFileSync } from 'node:fs';
import { fieldsOf } from '#base/json.ts';

/** The first error in a runtime's log. */
export function readReason(path: string): string {
  try {
    const [line = ''] = readFileSync(path, 'utf8').split('\n');
    const { msg } = fieldsOf(JSON.parse(line));
    return typeof msg === 'string' ? msg : line;
  } catch {
    return 'the runtime gave no reason';
  }
}

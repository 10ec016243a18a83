import { readFileSync } from 'node:fs';

let bootId: string | undefined;

/** The kernel's name for the time since the machine was started (random(4)); the next start has another. */
export function currentBootId(): string {
  return (bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

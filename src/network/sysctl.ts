import { writeFileSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { messageOf } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import { networkError } from './network-errors.ts';

/**
 * The file of a kernel setting. As sysctl(8) has it, the first separator tells which one separates: in
 * `net.ipv4.conf.eth0/10.forwarding` the slash is part of the interface's name and stands for a dot.
 */
export function sysctlPath(key: string): string {
  const dotted = /^[^/]*\./.test(key);
  const parts = dotted ? key.split('.').map((part) => part.replaceAll('/', '.')) : key.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw networkError('sysctl-name-invalid', { subject: key });
  }
  return `/proc/sys/${parts.join('/')}`;
}

/**
 * Sets kernel settings, those below `net` in the network namespace that the thread is in.
 *
 * @throws {EngineError} `sysctl-name-invalid`, `sysctl-refused` if there is no such setting or it refuses the value
 */
export function writeSysctls(values: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(values)) {
    try {
      writeFileSync(sysctlPath(key), value);
    } catch (cause) {
      if (!isErrno(cause, 'ENOENT', 'EINVAL', 'EACCES', 'EPERM', 'EROFS', 'ERANGE')) throw cause;
      throw networkError('sysctl-refused', {
        subject: key,
        details: { value, problem: messageOf(cause) },
        cause,
      });
    }
  }
}

/** The value without surrounding blanks, or undefined where the kernel has no such setting. */
export function readSysctl(key: string): string | undefined {
  return readIfThere(sysctlPath(key))?.trim();
}

/** Sets what the kernel has; a setting of a part that it lacks, IPv6 for example, is passed over. */
export function writeOptionalSysctl(key: string, value: string): void {
  unlessErrno(() => writeFileSync(sysctlPath(key), value), 'ENOENT');
}

/** The settings of a container that belong to its network namespace. */
export function networkSysctls(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => /^net[./]/.test(key)));
}

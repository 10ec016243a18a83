import { fieldsOf } from '#base/json.ts';
import { check, libc } from './libc.ts';

/** <asm-generic/ioctls.h>: SIOCOUTQ (tcp(7)) is TIOCOUTQ. */
const SIOCOUTQ = 0x5411;

/**
 * The descriptor of an open connection with nothing between it and the kernel; undefined for an encrypted one. Look it
 * up at the last moment: the number of a closed socket may be another file's by now.
 */
export function plainDescriptor(connection: object): number | undefined {
  if ('encrypted' in connection) return undefined;
  const { fd } = fieldsOf(Reflect.get(connection, '_handle'));
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/**
 * Memory of what was sent and not taken yet: not read by the peer of a unix socket, not acknowledged by that of TCP.
 */
export function unreadBytes(fd: number): number {
  const bytes = Buffer.alloc(4);
  check('ioctl', `socket ${fd}`, libc.ioctl(fd, SIOCOUTQ, bytes));
  return bytes.readInt32LE(0);
}

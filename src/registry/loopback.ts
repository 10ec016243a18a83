import { isIPv4 } from 'node:net';

/** True for 127.0.0.0/8, ::1 and `localhost`, which Docker reaches without TLS and without proxies. */
export function isLoopbackHost(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}

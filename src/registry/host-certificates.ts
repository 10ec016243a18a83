/**
 * Certificates of single registries: `certs.d/HOST[:PORT]/` with `*.crt`, and `*.cert` beside `*.key`, as in Docker.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import { RegistryFailure } from './registry-failure.ts';

export const CERTIFICATE_DIRECTORIES: readonly string[] = ['/etc/caisson/certs.d', '/etc/docker/certs.d'];

/** What a host wants beyond the system's authorities; spread into the options of `node:tls`. */
export interface TlsMaterial {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the first of `directories` that has something for `host`.
 *
 * @throws {EngineError} `invalid` for a certificate without its key, and the other way round
 */
export function readHostCertificates(host: string, directories: readonly string[]): TlsMaterial {
  for (const parent of directories) {
    const directory = join(parent, host);
    const names = namesIn(directory);
    if (names.length > 0) return materialIn(directory, names);
  }
  return {};
}

function namesIn(directory: string): readonly string[] {
  return unlessErrno(() => readdirSync(directory).toSorted(), 'ENOENT', 'ENOTDIR') ?? [];
}

function materialIn(directory: string, names: readonly string[]): TlsMaterial {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const authorities = names.filter((name) => name.endsWith('.crt')).map(read);
  const certificate = names.find((name) => name.endsWith('.cert'));
  const key = names.find((name) => name.endsWith('.key'));
  if (certificate?.replace(/\.cert$/, '') !== key?.replace(/\.key$/, ''))
    throw new RegistryFailure('certificates-incomplete', {
      details: {
        directory,
        file: certificate ?? key ?? '',
        missing: certificate ? 'key' : 'certificate',
      },
    });
  return {
    ...(authorities.length > 0 ? { ca: [...systemAuthorities(), ...authorities] } : {}),
    ...(certificate && key ? { cert: read(certificate), key: read(key) } : {}),
  };
}

/** Naming authorities replaces Node's own list; the system's keep counting, as in Docker. */
function systemAuthorities(): readonly string[] {
  const tls = process.getBuiltinModule('node:tls');
  return [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
}

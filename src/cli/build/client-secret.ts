import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from '../context.ts';
import { dockerConfigPath } from '../docker-config.ts';

const FILE = '.caisson-client';
const SECRET = /^[0-9a-f]{64}$/;

/**
 * What only this user's clients on this machine know, made at the first use and kept beside the configuration: an
 * engine may have clients on several machines with the same host name, user and paths, whose files must not be mixed.
 *
 * @returns undefined where it can neither be read nor kept
 */
export function clientSecret(context: Context): string | undefined {
  const path = join(dirname(dockerConfigPath(context)), FILE);
  return readSecret(path) ?? makeSecret(path);
}

function readSecret(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return SECRET.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Another client may make one at the same time: the first that is there counts. */
function makeSecret(path: string): string | undefined {
  const secret = randomBytes(32).toString('hex');
  const draft = `${path}-${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${secret}\n`, { mode: 0o600 });
    if (!isLinked(draft, path) && readSecret(path) === undefined) renameSync(draft, path);
  } catch {
    // A configuration that cannot be written.
  } finally {
    rmSync(draft, { force: true });
  }
  return readSecret(path);
}

function isLinked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch {
    return false;
  }
}

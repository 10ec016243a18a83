/**
 * The manifest lists that are being made: a directory each, a file for each manifest. The place and the form are those
 * of Docker's command line, so that a list may be begun with one and pushed with the other.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import type { Context } from '../context.ts';
import { dockerConfigPath } from '../docker-config.ts';
import type { ManifestEntry } from './manifest-entry.ts';

/** Lists and entries are known by canonical references. */
export class ManifestStore {
  readonly #directory: string;

  constructor(context: Context) {
    this.#directory = join(dirname(dockerConfigPath(context)), 'manifests');
  }

  /** The entries in the order of their names; undefined where there is no such list. */
  list(list: string): readonly ManifestEntry[] | undefined {
    const directory = this.#path(list);
    const names = unlessErrno(() => readdirSync(directory), 'ENOENT');
    return names?.toSorted().flatMap((name) => readEntry(join(directory, name)) ?? []);
  }

  entry(list: string, reference: string): ManifestEntry | undefined {
    return readEntry(join(this.#path(list), fileName(reference)));
  }

  save(list: string, reference: string, entry: ManifestEntry): void {
    mkdirSync(this.#path(list), { recursive: true });
    writeFileSync(join(this.#path(list), fileName(reference)), JSON.stringify(entry), { mode: 0o644 });
  }

  remove(list: string): void {
    rmSync(this.#path(list), { recursive: true, force: true });
  }

  #path(list: string): string {
    return join(this.#directory, fileName(list));
  }
}

function fileName(reference: string): string {
  return reference.replaceAll(':', '-').replaceAll('/', '_');
}

function readEntry(path: string): ManifestEntry | undefined {
  const text = unlessErrno(() => readFileSync(path, 'utf8'), 'ENOENT');
  return text === undefined ? undefined : JSON.parse(text);
}

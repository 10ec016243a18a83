import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diskDirectory } from '#client/build/directory-provider.ts';
import type { DirectoryProvider } from '#client/build/providers.ts';
import { ExitError } from '../usage-error.ts';
import { isUrl } from './context-operand.ts';

/** `--build-context NAME=VALUE`, for the request, and the directories that it names. */
export interface NamedContextFlags {
  readonly values: Readonly<Record<string, string>>;
  readonly directories: ReadonlyMap<string, DirectoryProvider>;
}

export function namedContexts(texts: readonly string[]): NamedContextFlags {
  const values: Record<string, string> = {};
  const directories = new Map<string, DirectoryProvider>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals < 1) throw new ExitError(1, `invalid context value: ${text}, expected name=path`);
    const name = text.slice(0, equals);
    const value = text.slice(equals + 1);
    values[name] = valueOf(name, value, directories);
  }
  return { values, directories };
}

function valueOf(name: string, value: string, directories: Map<string, DirectoryProvider>): string {
  if (isUrl(value) || value.startsWith('docker-image://')) return value;
  if (value.startsWith('oci-layout://')) {
    const { path, digest } = layoutOf(value.slice('oci-layout://'.length));
    directories.set(`layout:${name}`, diskDirectory(path));
    return `oci-layout://layout:${name}@${digest}`;
  }
  if (!statSync(value, { throwIfNoEntry: false })?.isDirectory())
    throw new ExitError(
      1,
      `failed to get build context ${name}: ${value} is no directory; other kinds are docker-image://NAME, oci-layout://PATH and URLs`,
    );
  directories.set(`context:${name}`, diskDirectory(value));
  return `local:context:${name}`;
}

interface LayoutIndex {
  readonly manifests?: readonly {
    readonly digest: string;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

/** `PATH`, `PATH:TAG` or `PATH@DIGEST`. */
function layoutOf(text: string): { readonly path: string; readonly digest: string } {
  const at = text.lastIndexOf('@sha256:');
  if (at > 0) return { path: text.slice(0, at), digest: text.slice(at + 1) };
  const colon = text.lastIndexOf(':');
  const hasTag = colon > text.lastIndexOf('/') && !existsSync(text);
  const path = hasTag ? text.slice(0, colon) : text;
  const tag = hasTag ? text.slice(colon + 1) : 'latest';
  const file = join(path, 'index.json');
  if (!existsSync(file)) throw new ExitError(1, `failed to read OCI layout: ${file} does not exist`);
  const { manifests = [] }: LayoutIndex = JSON.parse(readFileSync(file, 'utf8'));
  const named = manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  const found = named ?? (manifests.length === 1 && !hasTag ? manifests[0] : undefined);
  if (!found) throw new ExitError(1, `failed to read OCI layout: ${path} has no image ${tag}`);
  return { path, digest: found.digest };
}

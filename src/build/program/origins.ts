/** Where states and files begin. */
import { State } from './state.ts';

/** What a state can begin with. */
export type RootOrigin =
  | { readonly kind: 'image'; readonly reference: string; readonly platform?: string }
  | { readonly kind: 'scratch' };

/** What `copy` can take files from. */
export type FileOrigin = State | LocalDirectory | RemoteSource;

/** A directory of this machine. What an ignore file in it (`.dockerignore`) names is left out. */
export class LocalDirectory {
  readonly path: string;
  /** More patterns of an ignore file. */
  readonly ignore: readonly string[];

  constructor(path: string, ignore: readonly string[]) {
    this.path = path;
    this.ignore = ignore;
  }
}

/** A file by http, or a repository by git. */
export class RemoteSource {
  readonly url: string;
  readonly checksum: string | undefined;

  constructor(url: string, checksum: string | undefined) {
    this.url = url;
    this.checksum = checksum;
  }
}

/**
 * An image, pulled where it is not here. A state is answered as it is, so that a function can take either.
 *
 * @param options `platform` as `OS/ARCHITECTURE[/VARIANT]`
 */
export function from(image: string | State, options: { readonly platform?: string } = {}): State {
  if (typeof image !== 'string') return image;
  const { platform } = options;
  return new State({ kind: 'image', reference: image, ...(platform !== undefined && { platform }) });
}

/** An empty file system. */
export function scratch(): State {
  return new State({ kind: 'scratch' });
}

/** @param path relative to the working directory of this process */
export function local(path: string, options: { readonly ignore?: readonly string[] } = {}): LocalDirectory {
  return new LocalDirectory(path, options.ignore ?? []);
}

/** A file, fetched when it is needed. @param options `checksum` as `sha256:…`: what it must be */
export function http(url: string, options: { readonly checksum?: string } = {}): RemoteSource {
  return new RemoteSource(url, options.checksum);
}

/** A repository: `https://example.org/repository.git#branch:directory`. */
export function git(url: string): RemoteSource {
  return new RemoteSource(url, undefined);
}

/** A package that is installed in a root file system. */
export interface PackageEntry {
  readonly name: string;
  readonly version: string;
  /** purl-spec. */
  readonly purl: string;
  /** As the package says; empty where it says none. */
  readonly license: string;
  /** Where it was found. */
  readonly source: string;
}

/** `ID` and such of os-release(5). */
export type OsRelease = Readonly<Record<string, string>>;

export function parseOsRelease(text: string): OsRelease {
  const pairs = text.split('\n').flatMap((line) => {
    const [, name, value = ''] = /^([A-Z_0-9]+)=(.*)$/.exec(line.trim()) ?? [];
    return name === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, '$2')] as const];
  });
  return Object.fromEntries(pairs);
}

/** @param namespace may be empty */
export function packageUrl(
  type: string,
  namespace: string,
  name: string,
  version: string,
  qualifiers: Readonly<Record<string, string | undefined>> = {},
): string {
  const path = [...namespace.split('/'), name].filter((part) => part !== '').map(encodeURIComponent);
  const query = Object.entries(qualifiers)
    .flatMap(([key, value]) => (value ? [`${key}=${encodeURIComponent(value)}`] : []))
    .toSorted()
    .join('&');
  return `pkg:${type}/${path.join('/')}@${encodeURIComponent(version)}${query === '' ? '' : `?${query}`}`;
}

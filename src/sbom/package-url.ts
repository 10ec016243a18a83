/** What a package URL is made of (purl-spec, "purl components"). */
export interface PackageIdentity {
  readonly type: string;
  readonly namespace?: string;
  readonly name: string;
  readonly version: string;
  readonly qualifiers?: Readonly<Record<string, string | undefined>>;
}

export function packageUrl({
  type,
  namespace = '',
  name,
  version,
  qualifiers = {},
}: PackageIdentity): string {
  const path = [...namespace.split('/'), name].filter((part) => part !== '').map(encodeURIComponent);
  const query = Object.entries(qualifiers)
    .flatMap(([key, value]) => (value ? [`${key}=${encodeURIComponent(value)}`] : []))
    .toSorted()
    .join('&');
  return `pkg:${type}/${path.join('/')}@${encodeURIComponent(version)}${query === '' ? '' : `?${query}`}`;
}

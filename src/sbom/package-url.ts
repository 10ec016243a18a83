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

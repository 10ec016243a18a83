/** The versions of the Docker Engine API that this engine speaks. */

/** The newest; answered in the header `Api-Version` and by `/version`. */
export const API_VERSION = '1.57';

/** The oldest that clients may ask for. */
export const MINIMUM_API_VERSION = '1.24';

/** The error that forbids a version, with the daemon's own text, or undefined if it is spoken. */
export function unsupportedVersion(version: string): string | undefined {
  if (compareVersions(version, MINIMUM_API_VERSION) < 0) {
    return `client version ${version} is too old. Minimum supported API version is ${MINIMUM_API_VERSION}, please upgrade your client to a newer version`;
  }
  if (compareVersions(version, API_VERSION) > 0) {
    return `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`;
  }
  return undefined;
}

/** Numeric order of dotted versions, absent parts counting as zero: negative if `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The versions of the Docker Engine API that this engine speaks. */

/** The newest; answered in the header `Api-Version` and by `/version`, and spoken on paths without a version. */
export const API_VERSION = '1.56';

/** The oldest that clients may ask for. */
export const MINIMUM_API_VERSION = '1.24';

/** A version as a number that orders as versions do: `1.45` is 1 045 000. */
export type ApiVersion = number;

/** Parts that are absent count as zero. */
export function apiVersion(text: string): ApiVersion {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map((part) => Math.min(Number(part), 999));
  return (major * 1000 + minor) * 1000 + patch;
}

export const NEWEST_API_VERSION = apiVersion(API_VERSION);
const OLDEST = apiVersion(MINIMUM_API_VERSION);

/** The error that forbids a version, with the daemon's own text, or undefined if it is spoken. */
export function unsupportedVersion(version: string): string | undefined {
  const asked = apiVersion(version);
  if (asked < OLDEST) {
    return `client version ${version} is too old. Minimum supported API version is ${MINIMUM_API_VERSION}, please upgrade your client to a newer version`;
  }
  if (asked > NEWEST_API_VERSION) {
    return `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`;
  }
  return undefined;
}

/** Lists of packages as documents: SPDX 2.3 in JSON (spdx.github.io/spdx-spec/v2.3). */
import { createHash } from 'node:crypto';
import type { FoundPackages, PackageEntry } from './sbom.ts';

export const SPDX_PREDICATE = 'https://spdx.dev/Document';

const UNKNOWN = 'NOASSERTION';

export interface SpdxOptions {
  /** What the packages are in. */
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
}

/** Equal packages give equal documents, but for when they were made. */
export function spdxDocument({ packages, unread }: FoundPackages, { name, created }: SpdxOptions): object {
  const hash = createHash('sha256')
    .update(JSON.stringify([name, packages]))
    .digest('hex');
  const items = packages.map((each) => ({ id: packageId(each), each }));
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `https://spdx.org/spdxdocs/caisson-${hash}`,
    ...(unread.length > 0 && { comment: `Not all packages may be listed: ${unread.join('; ')}` }),
    creationInfo: { creators: ['Tool: caisson'], created: created.replace(/\.\d+Z$/, 'Z') },
    packages: items.map(({ id, each }) => spdxPackage(id, each)),
    relationships: items.map(({ id }) => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relatedSpdxElement: id,
      relationshipType: 'DESCRIBES',
    })),
  };
}

function spdxPackage(id: string, { name, version, purl, license, source }: PackageEntry): object {
  return {
    name,
    SPDXID: id,
    versionInfo: version,
    supplier: UNKNOWN,
    downloadLocation: UNKNOWN,
    filesAnalyzed: false,
    sourceInfo: `acquired package info from ${source}`,
    licenseConcluded: UNKNOWN,
    licenseDeclared: isLicense(license) ? license : UNKNOWN,
    copyrightText: UNKNOWN,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}

/** True for an expression of identifiers. Other texts that packages have there are no license. */
function isLicense(text: string): boolean {
  return /^[\w.+-]+(?: (?:AND|OR|WITH) [\w.+-]+)*$/.test(text);
}

/** Letters, digits, dots and dashes only. */
function packageId({ name, purl }: PackageEntry): string {
  const hash = createHash('sha256').update(purl).digest('hex').slice(0, 16);
  return `SPDXRef-Package-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-${hash}`;
}

/** rpm's databases (Fedora, Red Hat, SUSE): what they hold are the headers of the packages. */
import { EngineError } from '#base/errors.ts';
import { berkeleyHeaders } from './rpm-berkeley.ts';
import { parseRpmHeader } from './rpm-header.ts';
import { ndbHeaders } from './rpm-ndb.ts';
import { sqliteHeaders } from './rpm-sqlite.ts';
import type { OsRelease } from './os-release.ts';
import type { FoundFile, PackageSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const DIRECTORY = String.raw`^(?:var/lib/rpm|usr/lib/sysimage/rpm|usr/share/rpm)`;
const DATABASE_BYTES = 512 << 20;

export const RPM_SQLITE = rpmSource('rpmdb\\.sqlite', sqliteHeaders);
export const RPM_NDB = rpmSource('Packages\\.db', ndbHeaders);
export const RPM_BERKELEY = rpmSource('Packages', berkeleyHeaders);

function rpmSource(name: string, headers: (file: FoundFile) => AsyncIterable<Buffer>): PackageSource {
  const path = new RegExp(`${DIRECTORY}/${name}$`);
  return {
    maximumBytes: DATABASE_BYTES,
    matches: (entry) => path.test(entry.path),
    read: async (file) => {
      const packages: PackageEntry[] = [];
      let left = file.sizeBytes;
      for await (const header of headers(file)) {
        left -= header.length;
        if (left < 0) throw new EngineError('invalid', 'the database has the same headers again and again');
        packages.push(...packageIn(header, file));
      }
      return packages;
    },
  };
}

function packageIn(header: Buffer, { source, release }: FoundFile): readonly PackageEntry[] {
  const found = parseRpmHeader(header);
  if (found.name === '' || found.architecture === '') return [];
  const { name, license } = found;
  const version = `${found.version}-${found.release}`;
  const purl = packageUrl({
    type: 'rpm',
    namespace: release['ID'] ?? '',
    name,
    version,
    qualifiers: {
      arch: found.architecture,
      epoch: found.epoch === 0 ? '' : String(found.epoch),
      distro: distroOf(release),
      upstream: found.sourcePackage,
    },
  });
  return [{ name, version, purl, license, source }];
}

function distroOf({ ID = '', VERSION_ID = '' }: OsRelease): string {
  return ID === '' || VERSION_ID === '' ? '' : `${ID}-${VERSION_ID}`;
}

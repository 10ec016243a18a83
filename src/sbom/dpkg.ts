/** dpkg's database (Debian, Ubuntu): `/var/lib/dpkg/status`, and a file a package where images have no more. */
import { paragraphs } from './paragraphs.ts';
import type { OsRelease } from './os-release.ts';
import { textSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const FIELD = /^([A-Za-z-]+):\s*(.*)$/;

/** Beside each file is one with the checksums of the package's files. */
const PATH = /^var\/lib\/dpkg\/(?:status|status\.d\/(?![^/]*\.md5sums$)[^/]+)$/;

export const DPKG = textSource(PATH, 256 << 20, dpkgPackages);

function dpkgPackages(text: string, source: string, release: OsRelease): readonly PackageEntry[] {
  const { ID: distribution = 'debian', VERSION_ID: release_ = '' } = release;
  return [...paragraphs(text, FIELD)].flatMap((fields) => {
    const [name, version] = [fields.get('Package'), fields.get('Version')];
    const status = fields.get('Status') ?? 'install ok installed';
    if (name === undefined || version === undefined || !status.endsWith(' installed')) return [];
    const purl = packageUrl({
      type: 'deb',
      namespace: distribution,
      name,
      version,
      qualifiers: {
        arch: fields.get('Architecture'),
        distro: release_ === '' ? '' : `${distribution}-${release_}`,
      },
    });
    return [{ name, version, purl, license: '', source }];
  });
}

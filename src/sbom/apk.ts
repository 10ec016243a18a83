/** apk's database (Alpine): `/lib/apk/db/installed`, one letter a field. */
import { paragraphs } from './paragraphs.ts';
import type { OsRelease } from './os-release.ts';
import { textSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const FIELD = /^([A-Za-z]):(.*)$/;

export const APK = textSource(/^(?:usr\/)?lib\/apk\/db\/installed$/, 256 << 20, apkPackages);

function apkPackages(text: string, source: string, release: OsRelease): readonly PackageEntry[] {
  const { ID: distribution = 'alpine', VERSION_ID: version_ = '' } = release;
  return [...paragraphs(text, FIELD)].flatMap((fields) => {
    const [name, version] = [fields.get('P'), fields.get('V')];
    if (name === undefined || version === undefined) return [];
    const purl = packageUrl({
      type: 'apk',
      namespace: distribution,
      name,
      version,
      qualifiers: {
        arch: fields.get('A'),
        distro: version_ === '' ? '' : `${distribution}-${version_}`,
      },
    });
    return [{ name, version, purl, license: fields.get('L') ?? '', source }];
  });
}

/** Python's distributions: `METADATA` of wheels, `PKG-INFO` of eggs (packaging.python.org, core metadata). */
import { paragraphs } from './paragraphs.ts';
import { textSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const PATH = /(?:^|\/)[^/]+(?:\.dist-info\/METADATA|\.egg-info\/PKG-INFO|\.egg-info)$/;
const FIELD = /^([A-Za-z-]+):\s*(.*)$/;

export const PYTHON = textSource(PATH, 4 << 20, (text, source) => {
  const [fields] = paragraphs(text, FIELD);
  return fields ? entriesOf(fields, source) : [];
});

function entriesOf(fields: ReadonlyMap<string, string>, source: string): readonly PackageEntry[] {
  const [name, version] = [fields.get('Name'), fields.get('Version')];
  if (name === undefined || version === undefined) return [];
  const license = fields.get('License-Expression') ?? fields.get('License') ?? '';
  const normalized = name.toLowerCase().replaceAll(/[-_.]+/g, '-');
  return [{ name, version, purl: packageUrl({ type: 'pypi', name: normalized, version }), license, source }];
}

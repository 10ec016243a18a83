/** What Go's linker writes into a program since Go 1.18 (debug/buildinfo, runtime/debug.BuildInfo). */
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const HEADER_BYTES = 32;
const FLAGS_AT = 15;
/** The strings are in the section itself. */
const IS_INLINE = 2;
/** The length of the markers around the list of modules. */
const SENTINEL_BYTES = 16;

/** Empty for a section without this information. */
export function goPackages(section: Buffer, source: string): readonly PackageEntry[] {
  const flags = section[FLAGS_AT] ?? 0;
  if (!section.subarray(0, MAGIC.length).equals(MAGIC) || (flags & IS_INLINE) === 0) return [];
  const compiler = stringAt(section, HEADER_BYTES);
  const modules = compiler && stringAt(section, compiler.end);
  const [, release] = /^go(\d[\w.]*)/.exec(compiler?.bytes.toString() ?? '') ?? [];
  const library = release === undefined ? [] : [entryOf('stdlib', release, source)];
  return [...library, ...modulesIn(modules?.bytes ?? Buffer.alloc(0), source)];
}

/** Its length comes first, seven bits a byte. */
function stringAt(
  section: Buffer,
  start: number,
): { readonly bytes: Buffer; readonly end: number } | undefined {
  let length = 0;
  for (let at = start, shift = 1; at < section.length && shift < 2 ** 35; at++, shift *= 128) {
    const byte = section[at] ?? 0;
    length += (byte & 0x7f) * shift;
    if (byte >= 0x80) continue;
    const end = at + 1 + length;
    return end > section.length ? undefined : { bytes: section.subarray(at + 1, end), end };
  }
  return undefined;
}

/** `mod` and `dep` lines; what stands in the place of a dependency follows it as `=>`. */
function modulesIn(bytes: Buffer, source: string): readonly PackageEntry[] {
  const text = bytes.subarray(SENTINEL_BYTES, -SENTINEL_BYTES).toString();
  const modules: PackageEntry[] = [];
  for (const line of text.split('\n')) {
    const [kind, path = '', version = ''] = line.split('\t');
    if (kind === '=>') modules.pop();
    if (kind === 'mod' || kind === 'dep' || kind === '=>') modules.push(entryOf(path, version, source));
  }
  return modules.filter(({ name }) => name !== '');
}

function entryOf(path: string, version: string, source: string): PackageEntry {
  const parts = path.split('/');
  const purl = packageUrl({
    type: 'golang',
    namespace: parts.slice(0, -1).join('/'),
    name: parts.at(-1) ?? '',
    version,
  });
  return { name: path, version, purl, license: '', source };
}

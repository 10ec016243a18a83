/** Programs that say what they were built from: Go's (debug/buildinfo), and Rust's that cargo-auditable has built. */
import { inflateSync } from 'node:zlib';
import { EngineError, messageOf } from '#base/errors.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { elfSections } from './elf.ts';
import { goPackages } from './go.ts';
import type { PackageSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const EXECUTABLE = 0o111;
/** Neither compiler makes smaller ones. */
const MINIMUM_BYTES = 128 << 10;
const SECTION_BYTES = 8 << 20;

export const EXECUTABLES: PackageSource = {
  maximumBytes: Infinity,
  matches: ({ mode, sizeBytes }) => (mode & EXECUTABLE) !== 0 && sizeBytes >= MINIMUM_BYTES,
  read: async (file) => {
    const sections = await elfSections(file);
    const contents = async (name: string) => {
      const section = sections.get(name);
      return section && section.sizeBytes <= SECTION_BYTES
        ? await file.read(section.offset, section.sizeBytes)
        : Buffer.alloc(0);
    };
    return [
      ...goPackages(await contents('.go.buildinfo'), file.source),
      ...cargoPackages(await contents('.dep-v0'), file.source),
    ];
  },
};

/** github.com/rust-secure-code/cargo-auditable: compressed JSON. */
function cargoPackages(section: Buffer, source: string): readonly PackageEntry[] {
  if (section.length === 0) return [];
  const shape = new JsonShape('list of crates');
  try {
    const list = shape.parse(inflateSync(section, { maxOutputLength: SECTION_BYTES }), SECTION_BYTES);
    return shape.array(list, 'packages', 100_000).map((item) => {
      const crate = shape.object(item, 'package');
      const [name, version] = [shape.string(crate, 'name'), shape.string(crate, 'version')];
      return { name, version, purl: packageUrl({ type: 'cargo', name, version }), license: '', source };
    });
  } catch (error) {
    throw new EngineError('invalid', `its list of crates is damaged: ${messageOf(error)}`, { cause: error });
  }
}

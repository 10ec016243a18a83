/** Java's archives: what Maven writes into them, and into those that they hold. */
import { EngineError } from '#base/errors.ts';
import { memberContents, storedMember, type ZipMember, zipMembers, type ZipPlace } from './zip.ts';
import type { PackageSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const ARCHIVE = /\.(?:jar|war|ear)$/;
const PROPERTIES = /^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/;
/** `name-1.2.3.jar` */
const VERSIONED = /(?:^|\/)([A-Za-z][\w.-]*?)-(\d[\w.-]*)\.jar$/;
const PROPERTIES_BYTES = 64 << 10;
/** A compressed archive in an archive is held in memory. */
const NESTED_BYTES = 64 << 20;
/** A jar in a war in an ear. */
const MAXIMUM_DEPTH = 3;
const MAXIMUM_ARCHIVES = 10_000;
/** Read and decompressed, beyond what the size of the file explains. */
const SPARE_BYTES = 64 << 20;

export const JARS: PackageSource = {
  maximumBytes: 0xffff_ffff,
  matches: ({ path }) => ARCHIVE.test(path),
  read: async (file) => {
    const reader = new JarReader(file.source, SPARE_BYTES + 4 * file.sizeBytes);
    await reader.add(file, file.source, 1);
    return reader.packages;
  },
};

class JarReader {
  readonly packages: PackageEntry[] = [];
  readonly #source: string;
  #archives = 0;
  #leftBytes: number;

  constructor(source: string, maximumBytes: number) {
    this.#source = source;
    this.#leftBytes = maximumBytes;
  }

  async add(outer: ZipPlace, name: string, depth: number): Promise<void> {
    if (++this.#archives > MAXIMUM_ARCHIVES) throw new EngineError('invalid', 'it holds too many archives');
    const place = this.#counted(outer);
    const members = await zipMembers(place);
    const properties = members.filter((member) => PROPERTIES.test(member.name));
    for (const member of properties)
      this.#addProperties((await memberContents(place, member, PROPERTIES_BYTES)).toString());
    if (properties.length === 0 && members.length > 0) this.#addNamed(name);
    if (depth === MAXIMUM_DEPTH) return;
    for (const member of members)
      if (ARCHIVE.test(member.name)) await this.add(await this.#open(place, member), member.name, depth + 1);
  }

  async #open(place: ZipPlace, member: ZipMember): Promise<ZipPlace> {
    const stored = await storedMember(place, member);
    if (stored) return stored;
    const contents = await memberContents(place, member, NESTED_BYTES);
    this.#spend(contents.length);
    return {
      sizeBytes: contents.length,
      read: (offset, length) => Promise.resolve(contents.subarray(offset, offset + length)),
    };
  }

  #counted(place: ZipPlace): ZipPlace {
    return {
      sizeBytes: place.sizeBytes,
      read: async (offset, length) => {
        this.#spend(length);
        return await place.read(offset, length);
      },
    };
  }

  /** Archives may say that they hold each other, or are very small for what they hold. */
  #spend(bytes: number): void {
    this.#leftBytes -= bytes;
    if (this.#leftBytes < 0) throw new EngineError('invalid', 'it holds more than its size explains');
  }

  #addProperties(text: string): void {
    const [group, name, version] = ['groupId', 'artifactId', 'version'].map((key) => property(text, key));
    if (group === undefined || name === undefined || version === undefined) return;
    this.#add(group, name, version);
  }

  /** The group is not known: the file name has none. */
  #addNamed(path: string): void {
    const [, name, version] = VERSIONED.exec(path) ?? [];
    if (name !== undefined && version !== undefined) this.#add(name, name, version);
  }

  #add(group: string, name: string, version: string): void {
    const purl = packageUrl({ type: 'maven', namespace: group, name, version });
    this.packages.push({ name: `${group}:${name}`, version, purl, license: '', source: this.#source });
  }
}

function property(text: string, key: string): string | undefined {
  return new RegExp(String.raw`^\s*${key}\s*[=:]\s*(\S+)`, 'm').exec(text)?.[1];
}

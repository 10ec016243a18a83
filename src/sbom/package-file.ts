/** Files in which package managers, and what builds programs, write down what is installed. */
import type { OsRelease } from './os-release.ts';
import type { OpenFile, PackageEntry, TreeEntry } from './sbom.ts';

export interface FoundFile extends Pick<OpenFile, 'read'> {
  /** Where it was found: `/var/lib/dpkg/status`. */
  readonly source: string;
  readonly sizeBytes: number;
  readonly release: OsRelease;
  /** A file beside it whose name is longer, whole; empty where it is not there. */
  besides(suffix: string): Promise<Buffer>;
}

/** One kind of such files. */
export interface PackageSource {
  /** Larger ones are not looked at. */
  readonly maximumBytes: number;
  /** Decides by name, mode and size. */
  matches(entry: TreeEntry): boolean;
  /**
   * Empty for a file that turns out to be something else.
   *
   * @throws {EngineError} `invalid` for what cannot be understood
   */
  read(file: FoundFile): Promise<readonly PackageEntry[]>;
}

/** A kind of file that is text. */
export function textSource(
  path: RegExp,
  maximumBytes: number,
  parse: (text: string, source: string, release: OsRelease) => readonly PackageEntry[],
): PackageSource {
  return {
    maximumBytes,
    matches: (entry) => path.test(entry.path),
    read: async (file) => {
      const bytes = await file.read(0, file.sizeBytes);
      return parse(bytes.toString(), file.source, file.release);
    },
  };
}

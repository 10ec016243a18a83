/**
 * Which packages a file system has installed: a software bill of materials.
 *
 * Vocabulary. A *tree* is a root file system that is only read. A *source* is a file in which a package manager, or
 * what built a program, has written down what is installed: dpkg's status, an rpm database, a jar, a Go program. A
 * *package* is named by its package URL (github.com/package-url/purl-spec).
 *
 * ```ts
 * const found = await findPackages(openLocalTree(tree));
 * const document = spdxDocument(found, { name: 'image', created });
 * ```
 *
 * A source that cannot be understood fails nothing: it is listed in {@link FoundPackages.unread}. What the files say is
 * not trusted: sizes are bounded, and offsets may point anywhere.
 */

/** A file, directory or link of a tree. */
export interface TreeEntry {
  /** Relative, without a slash at its end. */
  readonly path: string;
  /** st_mode, type included. */
  readonly mode: number;
  readonly sizeBytes: number;
}

/** A file that is read at any offset until it is disposed. */
export interface OpenFile extends AsyncDisposable {
  /** Fewer bytes where the file ends before. */
  read(offset: number, lengthBytes: number): Promise<Buffer>;
}

export interface PackageTree {
  /** Parents come before what they hold. */
  entries(): AsyncIterable<TreeEntry>;
  open(entry: TreeEntry): Promise<OpenFile>;
}

/** A package that is installed in a root file system. */
export interface PackageEntry {
  readonly name: string;
  readonly version: string;
  /** Package URL. */
  readonly purl: string;
  /** As the package says; empty where it says none. */
  readonly license: string;
  /** The file that names it: `/var/lib/dpkg/status`. */
  readonly source: string;
}

export interface FoundPackages {
  /** Sorted by package URL, each once. */
  readonly packages: readonly PackageEntry[];
  /** Sources that could not be read, each with the reason. */
  readonly unread: readonly string[];
}

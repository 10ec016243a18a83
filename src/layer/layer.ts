/**
 * Layers and snapshots.
 *
 * A *layer* is one file system change set, known by its diff ID (the digest of its uncompressed tar); it is stored
 * once however many images share it, and is independent of the layers below it. A *snapshot* is a container's
 * writable overlay on a stack of layers.
 *
 * Life cycle of a layer: unpacked (indexed as EROFS where the kernel mounts it from a file, extracted by a chrooted
 * worker where not) → mounted while a snapshot needs it → removed when no image and no snapshot holds it.
 * Life cycle of a snapshot: created → mounted ⇄ unmounted → removed.
 *
 * Errors: the table is `layer-errors.ts`.
 *
 * ```ts
 * const { diffId } = await layers.unpack({ blob, compression: 'gzip' }); // once, however many ask for it
 * const { mountPath } = snapshots.create({ id, layers: [base, diffId], volatile: false });
 * snapshots.mount(id); // `mountPath` is the root of a container now
 * const changes = await snapshots.changes(id); // [{ kind: 'added', path: '/etc/new' }]
 * await snapshots.remove(id);
 * await layers.remove(diffId); // `layer-in-use` while another snapshot stands on it
 * ```
 */
import type { Readable } from 'node:stream';
import type { FileLane } from '#linux/file-service.ts';
import type { Digest } from '#oci/digest.ts';
import type { ArrivingFile, BlobInfo } from '#store/content.ts';

export interface Layer {
  readonly diffId: Digest;
  /** Bytes of its files and of the targets of its symbolic links. */
  readonly sizeBytes: number;
  readonly kind: 'erofs' | 'directory';
  /** What it was unpacked from, and can be made from again. */
  readonly blob: Digest;
  readonly compression: UnpackRequest['compression'];
}

export interface UnpackRequest {
  /** A blob of the content store: a tar, plain, gzip or zstd. */
  readonly blob: Digest;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Verified against the uncompressed bytes; learnt from them where absent (import). */
  readonly diffId?: Digest;
  /**
   * The blob is not committed yet: it is unpacked while it comes. A plain tar is whole, and only waits for the disk.
   */
  readonly arriving?: ArrivingBlob;
  readonly signal?: AbortSignal;
}

export interface ArrivingBlob extends ArrivingFile {
  /** Bytes that the blob will have. */
  readonly sizeBytes: number;
  /** Settles when the blob was committed, or given up. */
  readonly committed: Promise<unknown>;
}

export interface LayerStore {
  /** Tells that something is to be unpacked soon. */
  expect(): void;
  /**
   * Makes the layer usable; durable when it resolves; equal requests share the work; one that is there returns at once.
   * An abort that comes too late is ignored: when the last caller's promise rejects, no layer comes of it any more.
   */
  unpack(request: UnpackRequest): Promise<Layer>;
  get(diffId: Digest): Layer | undefined;
  list(): readonly Layer[];
  /** The layer's uncompressed tar, byte for byte as its diff ID says. */
  read(diffId: Digest): Promise<Readable>;
  /** Writes the same compressed into an empty file, on all cores; equal tars give equal bytes. */
  writeGzip(
    diffId: Digest,
    targetPath: string,
    options: {
      readonly signal: AbortSignal;
      /** Told of bytes before compression. */
      readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
    },
  ): Promise<BlobInfo>;
  /** @throws {EngineError} `conflict` while a snapshot stands on it */
  remove(diffId: Digest): Promise<void>;
  /**
   * Moves it to lost+found. A snapshot that stands on it can be mounted again once the layer has been unpacked again.
   *
   * @throws {EngineError} `layer-in-use` while a snapshot stands on it, unless that is wanted
   */
  setAside(diffId: Digest, options?: { readonly evenInUse: boolean }): void;
  /** Reads all of a layer. @returns what is wrong with it; undefined: nothing */
  check(diffId: Digest, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Makes a layer again from its blob, also under containers: those that run keep the files that they have.
   *
   * @throws {EngineError} `layer-not-restorable` where the blob is missing or damaged
   */
  rebuild(diffId: Digest, signal?: AbortSignal): Promise<void>;
}

export interface SnapshotRequest {
  readonly id: string;
  /** Bottom first, as in the image's configuration. */
  readonly layers: readonly Digest[];
  /** Contents need not survive power loss (`--rm`, build steps): faster mounts and unmounts. */
  readonly volatile: boolean;
  /** A directory below all layers, which outlives the snapshot; forgotten when the process ends. */
  readonly bottom?: string;
  /** Only the layers and the bottom, of which there must be one: without the places that a runtime mounts on. */
  readonly isBare?: boolean;
}

export interface Snapshot {
  readonly id: string;
  readonly layers: readonly Digest[];
  readonly volatile: boolean;
  readonly upperPath: string;
  readonly workPath: string;
  /** Topmost first, as overlay wants them; the last is the engine's own, with the places that a runtime mounts on. */
  readonly lowerPaths: readonly string[];
  /** Where it is mounted when it is. */
  readonly mountPath: string;
}

export interface SnapshotStore {
  /** Cheap and synchronous in effect: directories only, no mount. */
  create(request: SnapshotRequest): Snapshot;
  get(id: string): Snapshot | undefined;
  /** Why a snapshot cannot be used although something of it is on disk; undefined for all others. */
  damage(id: string): string | undefined;
  list(): readonly Snapshot[];
  /** The ids of those that cannot be used; they stay on disk until they are removed. */
  damaged(): readonly string[];
  /**
   * Idempotent; mounts the layers it needs first. Returns the path of the merged root.
   *
   * @throws {EngineError} `layer-damaged`
   */
  mount(id: string): string;
  /**
   * Looks through all layers of a snapshot that is not mounted, and makes those that are damaged again.
   *
   * @returns whether there were any
   * @throws {EngineError} `layer-not-restorable`
   */
  rebuildLayers(id: string): Promise<boolean>;
  /** Shows its layers without what the container changed, for reading, until the result is disposed. */
  showLayers(id: string): LayersView;
  /** Idempotent; off the caller's path where it could be slow. */
  unmount(id: string): Promise<void>;
  /** Unmounts and deletes; what cannot be deleted at once is finished at the next start. */
  remove(id: string): Promise<void>;
  /** Removes a snapshot that no record owns; if files were written in it, it is moved to lost+found. */
  abandon(id: string): Promise<void>;
  /** What the container changed, sorted by path. */
  changes(id: string): Promise<readonly FilesystemChange[]>;
  /**
   * Writes the changes as an OCI layer tar with whiteouts, right where they are to be.
   *
   * @param path of an empty file
   */
  writeDiff(id: string, path: string, signal?: AbortSignal): Promise<BlobInfo>;
  /**
   * The merged root as one tar (`export`).
   *
   * @param lane of what works in the root while it is mounted: its processes may lease files
   */
  export(id: string, lane?: FileLane): Promise<Readable>;
  /** Bytes in the writable layer. */
  usage(id: string): Promise<number>;
}

export interface LayersView extends Disposable {
  readonly root: string;
}

/** One path of a snapshot that is not as its layers have it. */
export interface FilesystemChange {
  readonly kind: 'modified' | 'added' | 'deleted';
  /** Absolute, in the root. */
  readonly path: string;
}

/** A file in a root; a symbolic link is not followed. */
export interface FileStat {
  /** The last part of its path: `/` of the root, `.` of `DIRECTORY/.`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** `st_mode`, see inode(7). */
  readonly mode: number;
  readonly modifiedNs: bigint;
  /** Where a symbolic link leads in the end, in the root; empty for other files. */
  readonly linkTarget: string;
}

/** A container's root as it is to be seen: a directory, and what is mounted in it. */
export interface RootView {
  /** On the host. */
  readonly path: string;
  /** Parents first. */
  readonly mounts: readonly RootMount[];
  /** Holds for the root alone. */
  readonly readonly: boolean;
}

export interface RootMount {
  /** Absolute in the root, links followed; made where nothing is. */
  readonly destination: string;
  /** A path of the host; or the tmpfs that a process sees at the destination, which is left out if there is none. */
  readonly source: string | { readonly tmpfsOf: number };
  /** Takes the mounts below the source along, for which `readonly` then holds too. */
  readonly recursive: boolean;
  readonly readonly: boolean;
}

/**
 * Reading from and writing into a container's root for `cp`; never escapes the root through links, whatever the
 * container does meanwhile (a chrooted worker).
 */
export interface RootArchive {
  /** @param lane whose files they are, where they are not the engine's alone; also of the other methods */
  stat(root: string | RootView, path: string, lane?: FileLane): Promise<FileStat>;
  /** The file or directory as a tar whose names start with its base name. */
  get(
    root: string | RootView,
    path: string,
    lane?: FileLane,
  ): Promise<{ readonly stat: FileStat; readonly tar: Readable }>;
  /** Extracts into the existing directory `path`. @throws {EngineError} `root-read-only`, `mount-read-only` */
  put(
    root: string | RootView,
    path: string,
    tar: Readable,
    options: {
      readonly noOverwriteDirNonDir: boolean;
      /** Gives everything to `owner`, where there is one; otherwise the archive says whose it is. */
      readonly copyUidGid: boolean;
      /** The container's user, in numbers. */
      readonly owner?: { readonly uid: number; readonly gid: number };
      readonly lane?: FileLane;
      readonly signal?: AbortSignal;
    },
  ): Promise<void>;
}

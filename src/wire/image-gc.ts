/** `POST /images/gc`: an extension of this engine, Docker has no image budget. */

export interface ImageGcReport {
  /** Bytes that images may take. */
  readonly MaxSize: number;
  /** Bytes that images took before: layers and blobs, each counted once. */
  readonly Size: number;
  /** Bytes that were given back, or would be. */
  readonly Reclaimed: number;
  /** Nothing was removed, only looked at. */
  readonly DryRun: boolean;
  /** The least recently used first. */
  readonly Images: readonly ImageGcRow[];
}

export interface ImageGcRow {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  /** RFC 3339. */
  readonly LastUsed: string;
  /** Bytes that no other image has. */
  readonly UniqueSize: number;
  readonly Removed: boolean;
  /** Why it goes or stays, for people. */
  readonly Reason: string;
}

/** `GET /caisson/check` and `POST /caisson/repair`: extensions of this engine. Lines of JSON, each with one field. */

export interface IntegrityLine {
  readonly Progress?: {
    /** Bytes. */
    readonly Done: number;
    readonly Total: number;
  };
  readonly Fault?: IntegrityFault;
  /** In the last line. */
  readonly Summary?: IntegritySummary;
}

export interface IntegrityFault {
  /** `metadata`, `blob`, `layer`, `image`, `container`, `volume` or `network`. */
  readonly Part: string;
  /** A digest, an id, a name, or a path. */
  readonly Subject: string;
  readonly Problem: string;
  /** What a repair would do, or has done. */
  readonly Repair?: string;
  /** What a user can do. */
  readonly Advice?: string;
}

export interface IntegritySummary {
  readonly Blobs: number;
  readonly Layers: number;
  readonly Images: number;
  readonly Containers: number;
  readonly Volumes: number;
  readonly Networks: number;
  /** Bytes that were read. */
  readonly Checked: number;
  readonly Faults: number;
  readonly Repaired: number;
  readonly LostAndFound: readonly string[];
  /** What was deleted of it. */
  readonly Deleted: readonly string[];
}

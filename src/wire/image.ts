/** The Docker Engine API's image objects. */
import type { ContainerConfig } from './container.ts';

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  /** The digest of the image's configuration. */
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  readonly Created: string;
  readonly DockerVersion: string;
  readonly Author: string;
  readonly Config: ContainerConfig;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  /** Bytes of all layers, uncompressed. */
  readonly Size: number;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
}

/** One row of `GET /images/json`. */
export interface ImageSummary {
  readonly Id: string;
  readonly ParentId: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  /** Seconds since the epoch. */
  readonly Created: number;
  readonly Size: number;
  /** Bytes shared with other images; -1 where not computed. */
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** -1 where not computed. */
  readonly Containers: number;
}

/** One row of `GET /images/{name}/history`. */
export interface HistoryEntry {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

/** One step of `DELETE /images/{name}`. */
export type ImageDeletion = { readonly Untagged: string } | { readonly Deleted: string };

/** One object of a progress stream (pull, push, load, import, build). */
export interface ProgressMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  /** For people, drawn from `progressDetail`. */
  readonly progress?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
  readonly aux?: object;
}

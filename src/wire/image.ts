/** The Docker Engine API's image objects. */
import type { Descriptor } from '#oci/descriptor.ts';
import type { Platform } from '#oci/platform.ts';
import type { ContainerConfig } from './container-config.ts';

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  /** The digest of the image's configuration. */
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  /** Absent where the image does not say. */
  readonly Created?: string;
  readonly ContainerConfig: ContainerConfig;
  readonly DockerVersion: string;
  readonly Author: string;
  readonly Config: ContainerConfig;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  /** Bytes of all layers, uncompressed. */
  readonly Size: number;
  readonly VirtualSize: number;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
  /** That of the index, or of the manifest where the image has no index. */
  readonly Descriptor: Descriptor;
  /** Where asked for. */
  readonly Manifests?: readonly ManifestSummary[];
  /** Absent where it came from no registry. */
  readonly Identity?: ImageIdentity;
}

/** Where an image came from. */
interface ImageIdentity {
  readonly Pull?: readonly { readonly Repository: string }[];
}

/** One row of `GET /images/{name}/attestations`. */
export interface AttestationStatement {
  readonly Descriptor: Descriptor;
  readonly PredicateType: string;
  /** The in-toto statement itself. */
  readonly Statement?: Readonly<Record<string, unknown>>;
}

/** One manifest of an image. */
export interface ManifestSummary {
  /** The manifest's digest. */
  readonly ID: string;
  readonly Descriptor: Descriptor;
  /** The image for this platform is here. */
  readonly Available: boolean;
  /** Bytes: of manifest, configuration and blobs as they came; and of those and the files of the layers. */
  readonly Size: { readonly Content: number; readonly Total: number };
  readonly Kind: 'image' | 'attestation' | 'unknown';
  readonly ImageData?: {
    readonly Platform: Platform;
    /** Where asked for. */
    readonly Identity?: ImageIdentity;
    readonly Size: { readonly Unpacked: number };
    /** Ids of the containers that were created from it. */
    readonly Containers: readonly string[];
  };
  /** `For`: the digest of the manifest that it is about. */
  readonly AttestationData?: { readonly For: string };
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
  readonly VirtualSize: number;
  /** Bytes shared with other images; -1 where not computed. */
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** -1 where not computed. */
  readonly Containers: number;
  readonly Descriptor?: Descriptor;
  /** Where asked for. */
  readonly Manifests?: readonly ManifestSummary[];
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

/** What a Dockerfile asks for, once its base images are known: vertices, configurations and history. */
import type { ImageRecord } from '#image/image-record.ts';
import type { ImageHistory } from '#oci/image-config.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { BaseVertex, LocalFiles, Vertex } from '../definition/vertex.ts';
import type { Range, SourceFile } from '#dockerfile/ast.ts';
import type { Graph } from '../graph/graph.ts';
import type { ResolvedStage } from '#dockerfile/stages/stages.ts';

/** What does something: every vertex but the bases. */
export type Operation = Exclude<Vertex, BaseVertex>;

/** A line of the history to come. */
interface PlannedHistory {
  readonly createdBy: string;
  /** Absent: the line has no layer, and the time of the one before. */
  readonly vertex?: Operation;
}

/** An image in the making: what it would be if the build ended here. */
export interface PlannedImage {
  /** The base's, which may be `scratch`. */
  readonly base: Pick<ImageRecord['config'], 'architecture' | 'os' | 'variant' | 'created'> & {
    readonly history: readonly ImageHistory[];
  };
  readonly vertex: Vertex;
  readonly config: ImageDefaults;
  readonly author?: string;
  readonly history: readonly PlannedHistory[];
  /** There is no history: each layer has a line that tells what made it. */
  readonly tellsLayers?: true;
}

/** An instruction as people see it. */
export interface PlannedStep {
  readonly text: string;
  /** FROM. */
  readonly isBase: boolean;
  readonly stage: ResolvedStage;
  /** `OS/ARCHITECTURE[/VARIANT]`, where the build is for several. */
  readonly platform?: string;
  /** The place in the source of the plan. */
  readonly range: Range;
  /** As progress displays show it, with its variables' values; absent: it does nothing that takes time. */
  readonly title?: string;
  readonly vertex?: Operation;
  /** The image after it. */
  readonly image: PlannedImage;
}

/** A file system beside the result's that a scan of its packages is to cover. */
export interface ScanTarget {
  /** `context`, or a stage's. */
  readonly name: string;
  readonly vertex: Vertex;
}

export interface Plan {
  readonly source: SourceFile;
  /** The steps of the stages that the result needs, in the order of the file. */
  readonly steps: readonly PlannedStep[];
  readonly result: PlannedImage;
  /** What it was made of, where that is a client's own. */
  readonly graph?: Graph;
  /** As `BUILDKIT_SBOM_SCAN_CONTEXT` and `BUILDKIT_SBOM_SCAN_STAGE` say. */
  readonly scanTargets: readonly ScanTarget[];
  /** The contexts, by their names. */
  readonly contexts: ReadonlyMap<LocalFiles, string>;
}

import { shortId } from '#base/ids.ts';
import type { LayerStep, PullProgress } from '#image/image-progress.ts';

/** Something that moves in a task, told again whenever it has. */
export interface Movement {
  /** `transferring context:`; what displays show of it. */
  readonly id: string;
  /** `transferring`; empty where `id` says it all. */
  readonly name?: string;
  /** As before where it is not given; at the end, all of it. */
  readonly current?: number;
  readonly total?: number;
  readonly isDone?: boolean;
}

/** The progress of a pull as something that moves; undefined for what does not show. */
export function movementOf(progress: PullProgress): Movement | undefined {
  if (progress.kind === 'layer') return stepOf(shortId(progress.layer), progress.step);
  if (progress.kind !== 'layer-bytes') return undefined;
  const id = shortId(progress.layer);
  if (progress.step === 'extracting') return { id: `extracting ${id}` };
  return { id, current: progress.doneBytes, total: progress.totalBytes };
}

function stepOf(id: string, step: LayerStep): Movement | undefined {
  if (step === 'downloaded' || step === 'present') return { id, isDone: true };
  return step === 'completed' ? { id: `extracting ${id}`, isDone: true } : undefined;
}

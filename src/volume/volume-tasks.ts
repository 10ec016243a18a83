/** What threads do for volumes; the contract of the file service is in `linux/file-service.ts`. */
import { workerModule } from '#base/worker-module.ts';
import { type FileLane, fileTasks } from '#linux/file-service.ts';
import type { CopyUpJob } from './copy-up.ts';

export interface VolumeTasks {
  /** See `copyUpHere`. */
  readonly 'copy-up': { readonly input: CopyUpJob; readonly output: void };
  /** Bytes of the files below a directory. */
  readonly usage: { readonly input: { readonly path: string }; readonly output: number };
  readonly delete: { readonly input: { readonly path: string }; readonly output: void };
}

export const VOLUME_TASKS = fileTasks<VolumeTasks>(workerModule('volume-worker', import.meta.url));

/** A volume may be a mount of its own, which the administrator has made. */
export function volumeLane(name: string): FileLane {
  return {
    key: `volume:${name}`,
    place: `the file system of volume ${name}`,
    advice: 'see whether what is mounted there answers, and unmount it with umount -l if it does not',
  };
}

/** The lanes of the file service: what can hang as one. */
import { shortId } from '#base/ids.ts';
import type { FileLane } from '#linux/file-service.ts';
import { mountAbove } from '#linux/mountinfo.ts';

/** The files that a container sees, and whatever its processes do to them. */
export function containerLane(id: string): FileLane {
  return {
    key: `container:${id}`,
    place: `the file system of container ${shortId(id)}`,
    advice:
      'a process in there holds it up, or it is mounted from a server that does not answer; kill the container to end it',
  };
}

export function hostLane(path: string): FileLane {
  const { target, fsType } = mountAbove(path) ?? { target: '/', fsType: 'unknown' };
  return {
    key: `mount:${target}`,
    place: `the file system at ${target} (${fsType})`,
    advice: `see whether its server answers; umount -f ${target} ends what waits for it`,
  };
}

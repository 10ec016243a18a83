import { unreachable } from '#base/unreachable.ts';
import type { MountView } from '#container/views.ts';
import type { MountPoint } from '#wire/container.ts';

export function encodeMounts(mounts: readonly MountView[]): readonly MountPoint[] {
  return mounts.map(encodeMount);
}

/** In the order of Docker's fields: templates show a mount as its values alone. */
function encodeMount(mount: MountView): MountPoint {
  const { target: Destination, readOnly } = mount;
  const RW = !readOnly;
  switch (mount.type) {
    case 'tmpfs':
      return { Type: 'tmpfs', Source: '', Destination, Mode: '', RW, Propagation: '' };
    case 'bind': {
      const { source: Source, writtenOptions: Mode, propagation: Propagation } = mount;
      return { Type: 'bind', Source, Destination, Mode, RW, Propagation };
    }
    case 'volume': {
      const { name: Name, source: Source, driver: Driver, writtenOptions: Mode } = mount;
      return { Type: 'volume', Name, Source, Destination, Driver, Mode, RW, Propagation: '' };
    }
  }
  return unreachable(mount);
}

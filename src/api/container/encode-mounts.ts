import { unreachable } from '#base/unreachable.ts';
import type { MountView } from '#container/views.ts';
import type { MountPoint } from '#wire/container.ts';

export function encodeMounts(mounts: readonly MountView[]): readonly MountPoint[] {
  return mounts.map(encodeMount);
}

function encodeMount(mount: MountView): MountPoint {
  const common = { Destination: mount.target, RW: !mount.readOnly, Propagation: '' };
  switch (mount.type) {
    case 'tmpfs':
      return { Type: 'tmpfs', Source: '', Mode: '', ...common };
    case 'bind': {
      const { source, writtenOptions, propagation } = mount;
      return { Type: 'bind', Source: source, Mode: writtenOptions, ...common, Propagation: propagation };
    }
    case 'volume': {
      const { name, source, driver, writtenOptions } = mount;
      return { Type: 'volume', Name: name, Source: source, Driver: driver, Mode: writtenOptions, ...common };
    }
  }
  return unreachable(mount);
}

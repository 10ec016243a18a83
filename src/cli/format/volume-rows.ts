import type { VolumeInspect } from '#wire/volume.ts';
import { Row } from '../template/value.ts';
import { labelList } from './container-rows.ts';
import type { Listing } from './rows.ts';
import { humanSize } from './sizes.ts';

const headings = {
  Name: 'VOLUME NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  Mountpoint: 'MOUNTPOINT',
  Labels: 'LABELS',
  Links: 'LINKS',
  Size: 'SIZE',
  Availability: 'AVAILABILITY',
  Group: 'GROUP',
  Status: 'STATUS',
};

export const volumeListing: Listing = {
  headings,
  columns: ['Driver', 'Name'],
  raw: 'name: {{.Name}}\ndriver: {{.Driver}}\n',
};

export const volumeUsageListing: Listing = { headings, columns: ['Name', 'Links', 'Size'] };

/** A volume as the formats of `volume ls` see it. */
export function volumeRow(volume: VolumeInspect): Row {
  const { UsageData } = volume;
  return new Row(
    {
      Name: () => volume.Name,
      Driver: () => volume.Driver,
      Scope: () => volume.Scope,
      Mountpoint: () => volume.Mountpoint,
      Labels: () => labelList(volume.Labels),
      Links: () => (UsageData ? String(UsageData.RefCount) : 'N/A'),
      Size: () => (UsageData ? humanSize(UsageData.Size) : 'N/A'),
      Availability: () => 'N/A',
      Group: () => 'N/A',
      Status: () => 'N/A',
    },
    { Label: (name) => volume.Labels?.[name] ?? '' },
  );
}

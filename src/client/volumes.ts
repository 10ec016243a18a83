import type { VolumeInspect } from '#wire/volume.ts';
import { type Client, encodeFilters, path } from './client.ts';
import type { Filters } from './containers.ts';

export interface VolumeList {
  readonly Volumes: readonly VolumeInspect[] | null;
  readonly Warnings: readonly string[] | null;
}

export function listVolumes(client: Client, filters: Filters = {}): Promise<VolumeList> {
  return client.json({ method: 'GET', path: '/volumes', query: { filters: encodeFilters(filters) } });
}

export interface VolumeCreateBody {
  readonly Name?: string;
  readonly Driver: string;
  readonly DriverOpts: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export function createVolume(client: Client, body: VolumeCreateBody): Promise<VolumeInspect> {
  return client.json({ method: 'POST', path: '/volumes/create', json: body });
}

export function removeVolume(client: Client, name: string, force: boolean): Promise<void> {
  return client.run({ method: 'DELETE', path: path`/volumes/${name}`, query: { force } });
}

export interface VolumePruneReport {
  readonly VolumesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

export function pruneVolumes(client: Client, filters: Filters): Promise<VolumePruneReport> {
  return client.json({ method: 'POST', path: '/volumes/prune', query: { filters: encodeFilters(filters) } });
}

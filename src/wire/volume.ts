/** The Docker Engine API's volume objects. */
export interface VolumeInspect {
  readonly CreatedAt: string;
  readonly Driver: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Scope: 'local' | 'global';
  /** What the driver says; `problem`: why the volume cannot be used. */
  readonly Status?: Readonly<Record<string, string>>;
  readonly UsageData?: { readonly Size: number; readonly RefCount: number };
}

/** `GET /distribution/{name}/json`: what a registry has under a name. */
export interface DistributionInspect {
  readonly Descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly Platforms: readonly DistributionPlatform[];
}

interface DistributionPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
}

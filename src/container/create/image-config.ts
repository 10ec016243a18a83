import { EngineError } from '#base/errors.ts';
import type { ContainerConfig, HealthConfig } from '#wire/container.ts';

type ImageConfig = Partial<ContainerConfig>;

/**
 * What a container is to run: the client's configuration, and where that is silent the image's, by Docker's rules.
 *
 * @throws {EngineError} `invalid` if neither says what to run
 */
export function mergeImageConfig(own: ContainerConfig, image: ImageConfig): ContainerConfig {
  const stopSignal = own.StopSignal || image.StopSignal;
  const health = mergeHealth(own.Healthcheck, image.Healthcheck);
  const merged: ContainerConfig = {
    ...own,
    ...commandOf(own, image),
    User: own.User || (image.User ?? ''),
    WorkingDir: own.WorkingDir || (image.WorkingDir ?? ''),
    Env: mergeEnvironment(own.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...own.Labels },
    Volumes: mergeSets(own.Volumes, image.Volumes),
    ...mergePorts(own, image),
    ...(stopSignal !== undefined && stopSignal !== '' && { StopSignal: stopSignal }),
    ...(health && { Healthcheck: health }),
  };
  if ((merged.Entrypoint ?? []).length + (merged.Cmd ?? []).length > 0) return merged;
  throw new EngineError('invalid', 'no command specified');
}

/** An entrypoint of one's own drops the image's command; `[""]` drops its entrypoint. */
function commandOf(own: ContainerConfig, image: ImageConfig): Pick<ContainerConfig, 'Entrypoint' | 'Cmd'> {
  const resets = own.Entrypoint?.length === 1 && own.Entrypoint[0] === '';
  if (resets || (own.Entrypoint ?? []).length > 0) {
    return { Entrypoint: resets ? null : own.Entrypoint, Cmd: own.Cmd };
  }
  return {
    Entrypoint: own.Entrypoint ?? image.Entrypoint ?? null,
    Cmd: (own.Cmd ?? []).length > 0 ? own.Cmd : (image.Cmd ?? null),
  };
}

function mergeEnvironment(own: readonly string[], image: readonly string[]): readonly string[] | null {
  const names = new Set(own.map(variableName));
  const merged = [...own, ...image.filter((entry) => !names.has(variableName(entry)))];
  return merged.length === 0 ? null : merged;
}

function variableName(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

function mergePorts(own: ContainerConfig, image: ImageConfig): Pick<ContainerConfig, 'ExposedPorts'> {
  const ports = mergeSets(own.ExposedPorts, image.ExposedPorts);
  return ports ? { ExposedPorts: ports } : {};
}

type NameSet = Readonly<Record<string, object>> | null | undefined;

function mergeSets(own: NameSet, image: NameSet): Readonly<Record<string, object>> | null {
  const merged = { ...image, ...own };
  return Object.keys(merged).length === 0 ? null : merged;
}

function mergeHealth(own?: HealthConfig, image?: HealthConfig): HealthConfig | undefined {
  if (!own || !image) return own ?? image;
  const given = Object.entries(own).filter(([, value]) => value !== 0 && value !== null);
  const test = (own.Test ?? []).length > 0 ? own.Test : image.Test;
  return {
    ...image,
    ...(Object.fromEntries(given) as HealthConfig),
    ...(test !== undefined && { Test: test }),
  };
}

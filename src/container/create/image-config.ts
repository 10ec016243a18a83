import type { ImageDefaults, ImageHealthcheck } from '#oci/image-defaults.ts';

/**
 * What a container is to run: its own defaults, and where they are silent the image's. An entrypoint of its own drops
 * the image's command; an empty one drops the image's entrypoint alone.
 */
export function mergeImageDefaults(own: ImageDefaults, image: ImageDefaults): ImageDefaults {
  const ports = { ...image.ExposedPorts, ...own.ExposedPorts };
  const volumes = { ...image.Volumes, ...own.Volumes };
  const command = own.Cmd ?? ((own.Entrypoint ?? []).length > 0 ? undefined : image.Cmd);
  const health = mergeHealth(own.Healthcheck, image.Healthcheck);
  return dropAbsent({
    ...own,
    Entrypoint: own.Entrypoint ?? image.Entrypoint,
    Cmd: command,
    User: own.User || image.User,
    WorkingDir: own.WorkingDir || image.WorkingDir,
    Env: mergeEnvironment(own.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...own.Labels },
    Volumes: volumes,
    ExposedPorts: ports,
    StopSignal: own.StopSignal || image.StopSignal,
    Healthcheck: health,
  });
}

function mergeEnvironment(own: readonly string[], image: readonly string[]): readonly string[] {
  const names = new Set(own.map(variableName));
  return [...own, ...image.filter((entry) => !names.has(variableName(entry)))];
}

function variableName(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

function mergeHealth(own?: ImageHealthcheck, image?: ImageHealthcheck): ImageHealthcheck | undefined {
  if (!own || !image) return own ?? image;
  const test = own.Test && own.Test.length > 0 ? own.Test : image.Test;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== 0));
  return { ...image, ...given, ...(test && { Test: test }) };
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function dropAbsent<T extends object>(fields: T): Present<T> {
  const present: Present<T> = { ...fields };
  for (const key in present) if (present[key] === undefined) delete present[key];
  return present;
}

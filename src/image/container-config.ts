/** An image's defaults as the Engine API shows them: every field present. */
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { ContainerConfig, HealthConfig } from '#wire/container.ts';

export function toContainerConfig(defaults: ImageDefaults): ContainerConfig {
  return {
    Hostname: '',
    Domainname: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Image: '',
    ...defaults,
    User: defaults.User ?? '',
    Env: defaults.Env ?? null,
    Cmd: defaults.Cmd ?? null,
    Volumes: defaults.Volumes ?? null,
    WorkingDir: defaults.WorkingDir ?? '',
    Entrypoint: defaults.Entrypoint ?? null,
    OnBuild: defaults.OnBuild ?? null,
    Labels: defaults.Labels ?? null,
  };
}

/** What of a container's configuration an image keeps: what has a meaning on any host. */
export function toImageDefaults(config: Partial<ContainerConfig>): ImageDefaults {
  const { User, WorkingDir, StopSignal, StopTimeout, ArgsEscaped, Healthcheck } = config;
  return {
    ...(User ? { User } : undefined),
    ...nonEmpty('ExposedPorts', config.ExposedPorts),
    ...nonEmpty('Env', config.Env),
    ...nonEmpty('Entrypoint', config.Entrypoint),
    ...nonEmpty('Cmd', config.Cmd),
    ...nonEmpty('Volumes', config.Volumes),
    ...(WorkingDir ? { WorkingDir } : undefined),
    ...nonEmpty('Labels', config.Labels),
    ...(StopSignal ? { StopSignal } : undefined),
    ...(StopTimeout === undefined ? undefined : { StopTimeout }),
    ...(ArgsEscaped ? { ArgsEscaped } : undefined),
    ...(Healthcheck ? { Healthcheck: withoutNull(Healthcheck) } : undefined),
    ...nonEmpty('OnBuild', config.OnBuild),
    ...nonEmpty('Shell', config.Shell),
  };
}

function nonEmpty<Key extends string, Value extends object>(
  key: Key,
  value: Value | null | undefined,
): { readonly [K in Key]?: Value } {
  if (!value || Object.keys(value).length === 0) return {};
  const field: { [K in Key]?: Value } = {};
  field[key] = value;
  return field;
}

function withoutNull({ Test, ...rest }: HealthConfig): NonNullable<ImageDefaults['Healthcheck']> {
  return Test ? { ...rest, Test } : rest;
}

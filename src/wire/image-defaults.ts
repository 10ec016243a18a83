import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { ContainerConfig } from './container-config.ts';

/** An image's defaults as the Engine API shows them: every field present. */
export function encodeImageDefaults(defaults: ImageDefaults): ContainerConfig {
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

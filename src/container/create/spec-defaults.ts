/** What of a container's spec an image may say as well, in the format of image configurations. */
import { type ContainerPort, formatPort, tryParsePorts } from '#base/ports.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerSpec } from '../container-spec.ts';
import { healthOf, imageHealthcheck } from './health-check.ts';
import { mergeImageDefaults } from './image-config.ts';

/** The spec, completed with the defaults of its image. @throws {EngineError} `nothing-to-run` */
export function withImageDefaults(spec: ContainerSpec, image: ImageDefaults): ContainerSpec {
  const merged = mergeImageDefaults(defaultsOf(spec), image);
  if ((merged.Entrypoint ?? []).length + (merged.Cmd ?? []).length === 0)
    throw containerError('nothing-to-run');
  const { Entrypoint, Cmd, User, WorkingDir, StopSignal, Healthcheck } = merged;
  return {
    ...spec,
    labels: merged.Labels ?? {},
    process: {
      ...spec.process,
      ...(Entrypoint && { entrypoint: Entrypoint }),
      ...(Cmd && { command: Cmd }),
      environment: merged.Env ?? [],
      ...(User && { user: User }),
      ...(WorkingDir && { workingDirectory: WorkingDir }),
    },
    mounts: { ...spec.mounts, anonymous: Object.keys(merged.Volumes ?? {}) },
    network: { ...spec.network, exposedPorts: portsOf(Object.keys(merged.ExposedPorts ?? {})) },
    stop: { ...spec.stop, ...(StopSignal && { signal: StopSignal }) },
    ...(Healthcheck && { health: healthOf(Healthcheck) }),
  };
}

/** The ports that an image says it serves: `80`, `53/udp`, `8000-8002/tcp`. What is not a port is left out. */
function portsOf(texts: readonly string[]): readonly ContainerPort[] {
  return texts.flatMap((text) => tryParsePorts(text) ?? []);
}

/** Absent is what the spec leaves open. */
export function defaultsOf(spec: ContainerSpec): ImageDefaults {
  const { process, stop, health, imageDefaults } = spec;
  return {
    ...(process.entrypoint && { Entrypoint: process.entrypoint }),
    ...(process.command && { Cmd: process.command }),
    ...(process.user !== undefined && { User: process.user }),
    ...(process.workingDirectory !== undefined && { WorkingDir: process.workingDirectory }),
    Env: process.environment,
    Labels: spec.labels,
    Volumes: setOf(spec.mounts.anonymous),
    ExposedPorts: setOf(spec.network.exposedPorts.map(formatPort)),
    ...(stop.signal !== undefined && { StopSignal: stop.signal }),
    ...(stop.timeoutSeconds !== undefined && { StopTimeout: stop.timeoutSeconds }),
    ...(health && { Healthcheck: imageHealthcheck(health) }),
    OnBuild: imageDefaults.onBuild,
    ...(imageDefaults.shell && { Shell: imageDefaults.shell }),
    ...(imageDefaults.argumentsEscaped !== undefined && { ArgsEscaped: imageDefaults.argumentsEscaped }),
  };
}

function setOf(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

import { EngineError } from '#base/errors.ts';
import type { HostConfig } from './host-config.ts';
import type { RestartPolicy } from './resources.ts';
import { parseHostPorts } from '#base/ports.ts';
import { rejectNul } from './validate-container-config.ts';

/** Refuses what contradicts itself on any host. @throws {EngineError} `invalid`, with Docker's texts */
export function validateHostConfig(host: HostConfig): void {
  validateRestartPolicy(host.RestartPolicy);
  if (host.AutoRemove && host.RestartPolicy.Name !== 'no') {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  validateModes(host);
  validatePorts(host);
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000) {
    throw invalid(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (host.ShmSize < 0) throw invalid('SHM size can not be less than 0');
  if (Object.hasOwn(host.Annotations ?? {}, '')) {
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key');
  }
  for (const entry of host.ExtraHosts ?? []) {
    if (!/^[^:=]+[:=].+/s.test(entry)) throw invalid(`bad format for add-host: ${JSON.stringify(entry)}`);
  }
  rejectNul('mount', [
    ...(host.Binds ?? []),
    ...(host.Mounts ?? []).flatMap((m) => [m.Source ?? '', m.Target]),
  ]);
}

/** @throws {EngineError} `invalid` */
export function validateRestartPolicy(policy: RestartPolicy): void {
  if (policy.MaximumRetryCount === 0) return;
  if (policy.Name !== 'on-failure') {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (policy.MaximumRetryCount < 0) {
    throw invalid('invalid restart policy: maximum retry count cannot be negative');
  }
}

function validateModes(host: HostConfig): void {
  if (!/^(|private|host|none|shareable|container:.+)$/s.test(host.IpcMode)) {
    throw invalid(`invalid IPC mode: ${host.IpcMode}`);
  }
  if (!/^(|host|container:.+)$/s.test(host.PidMode)) throw invalid(`invalid PID mode: ${host.PidMode}`);
  if (!/^(|host)$/.test(host.UTSMode)) throw invalid(`invalid UTS mode: ${host.UTSMode}`);
  if (!/^(|host)$/.test(host.UsernsMode)) throw invalid(`invalid user namespace mode: ${host.UsernsMode}`);
  if (!/^(|default)$/i.test(host.Isolation)) {
    throw invalid(`Invalid isolation: ${JSON.stringify(host.Isolation)} - linux only supports 'default'`);
  }
  if (host.NetworkMode === 'container:') {
    throw invalid('Invalid network mode: invalid container format container:<name|id>');
  }
}

function validatePorts(host: HostConfig): void {
  for (const bindings of Object.values(host.PortBindings ?? {})) {
    for (const { HostPort } of bindings ?? []) parseHostPorts(HostPort);
  }
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}

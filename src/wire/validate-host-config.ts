import { EngineError } from '#base/errors.ts';
import type { HostConfig, RestartPolicy } from './container.ts';
import { parseHostPorts } from '#base/ports.ts';
import { rejectNul } from './validate-container-config.ts';

const MINIMUM_MEMORY_BYTES = 6 * 1024 * 1024;

type Limits = Pick<HostConfig, 'Memory' | 'MemorySwap' | 'MemoryReservation' | 'CpuPeriod' | 'CpuQuota'>;

/** What contradicts itself whatever the host is. @throws {EngineError} `invalid`, with Docker's texts */
export function validateHostConfig(host: HostConfig): void {
  validateRestartPolicy(host.RestartPolicy);
  if (host.AutoRemove && host.RestartPolicy.Name !== 'no') {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  validateModes(host);
  validateLimits(host);
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

/** @throws {EngineError} `invalid` */
export function validateLimits(limits: Limits): void {
  const { Memory, MemorySwap, MemoryReservation, CpuPeriod, CpuQuota } = limits;
  if (Memory !== 0 && Memory < MINIMUM_MEMORY_BYTES) throw invalid('Minimum memory limit allowed is 6MB');
  if (Memory === 0 && MemorySwap > 0) {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (MemoryReservation !== 0 && MemoryReservation < MINIMUM_MEMORY_BYTES) {
    throw invalid('Minimum memory reservation allowed is 6MB');
  }
  if (Memory > 0 && MemoryReservation > Memory) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (CpuQuota > 0 && CpuQuota < 1000) throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
}

function validateModes(host: HostConfig): void {
  if (!/^(private|host|none|shareable|container:.+)$/s.test(host.IpcMode)) {
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

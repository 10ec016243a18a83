import type { DeviceMapping, ThrottleDevice, Ulimit } from '#wire/resources.ts';
import { ULIMIT_NAMES } from '#oci/ulimits.ts';
import { parseMemorySize } from '#syntax/memory-size.ts';

/** `nofile=1024:2048`; one number is both limits. @throws {Error} if it has another form */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  const [, name = '', soft = '', hard = soft] = match ?? [];
  if (!match) throw new Error(`invalid ulimit argument: ${text}`);
  if (!ULIMIT_NAMES.has(name)) throw new Error(`invalid ulimit type: ${name}`);
  const limits = { Name: name, Hard: Number(hard), Soft: Number(soft) };
  if (limits.Hard !== -1 && (limits.Soft === -1 || limits.Soft > limits.Hard)) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return limits;
}

/** `/dev/sda:200`. @throws {Error} if it has another form */
export function parseWeightDevice(text: string): { readonly Path: string; readonly Weight: number } {
  const match = /^(\/dev\/[^:]+):(\d+)$/.exec(text);
  if (!match) throw new Error(`bad format: ${text}`);
  const weight = Number(match[2]);
  if (weight !== 0 && (weight < 10 || weight > 1000)) throw new Error(`invalid weight for device: ${text}`);
  return { Path: match[1] ?? '', Weight: weight };
}

/** `/dev/sda:1mb` or, counting operations, `/dev/sda:1000`. @throws {Error} if it has another form */
export function parseThrottle(unit: 'bytes' | 'operations'): (text: string) => ThrottleDevice {
  return (text) => {
    const match = /^(\/dev\/[^:]+):(.+)$/.exec(text);
    const [, path = '', rate = ''] = match ?? [];
    if (!match) throw new Error(`bad format: ${text}`);
    if (unit === 'bytes') return { Path: path, Rate: parseMemorySize(rate) };
    if (!/^\d+$/.test(rate))
      throw new Error(`invalid rate for device: ${text}. Number must be a positive integer`);
    return { Path: path, Rate: Number(rate) };
  };
}

/** `/dev/sda[:/dev/xvda[:rwm]]`. @throws {Error} if it has another form */
export function parseDevice(text: string): DeviceMapping {
  const [source = '', second, third, ...rest] = text.split(':');
  if (rest.length > 0 || source === '') throw new Error(`invalid device specification: ${text}`);
  const isMode = second !== undefined && third === undefined && /^[rwm]{1,3}$/.test(second);
  const mode = isMode ? second : (third ?? 'rwm');
  if (!/^[rwm]{1,3}$/.test(mode)) throw new Error(`invalid device mode: ${mode}`);
  return {
    PathOnHost: source,
    PathInContainer: isMode ? source : (second ?? source),
    CgroupPermissions: mode,
  };
}

/** `vendor.com/class=name`: a device of the Container Device Interface. */
export function isCdiDevice(text: string): boolean {
  return /^[\w.-]+\/[\w.-]+=[\w.:-]+$/.test(text);
}

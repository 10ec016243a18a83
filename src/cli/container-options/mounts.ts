import { resolve } from 'node:path';
import { type MountFields, parseMount } from '#syntax/mount.ts';
import type { MountRequest } from '#wire/host-config.ts';

/**
 * One `--mount`; a source that begins with a dot is relative to here.
 *
 * @throws {EngineError} saying which field is wrong
 */
export function readMount(text: string): MountRequest {
  const { type, source, target, readOnly, consistency, bind, volume, tmpfs } = parseMount(text);
  return {
    Type: type,
    Target: target,
    ...(source !== undefined && { Source: /^\.{1,2}(\/|$)/.test(source) ? resolve(source) : source }),
    ...(readOnly !== undefined && { ReadOnly: readOnly }),
    ...(consistency !== undefined && { Consistency: consistency }),
    ...(bind && { BindOptions: bindOptions(bind) }),
    ...(volume && { VolumeOptions: volumeOptions(volume) }),
    ...(tmpfs && { TmpfsOptions: tmpfsOptions(tmpfs) }),
  };
}

function bindOptions(fields: NonNullable<MountFields['bind']>): NonNullable<MountRequest['BindOptions']> {
  const { propagation, nonRecursive, createsSource, readOnlyNonRecursive, readOnlyForceRecursive } = fields;
  return {
    ...(propagation !== undefined && { Propagation: propagation }),
    ...(nonRecursive !== undefined && { NonRecursive: nonRecursive }),
    ...(createsSource !== undefined && { CreateMountpoint: createsSource }),
    ...(readOnlyNonRecursive !== undefined && { ReadOnlyNonRecursive: readOnlyNonRecursive }),
    ...(readOnlyForceRecursive !== undefined && { ReadOnlyForceRecursive: readOnlyForceRecursive }),
  };
}

function volumeOptions(
  fields: NonNullable<MountFields['volume']>,
): NonNullable<MountRequest['VolumeOptions']> {
  const { noCopy, subpath, labels, driver, driverOptions } = fields;
  const hasDriver = driver !== undefined || driverOptions !== undefined;
  return {
    ...(noCopy !== undefined && { NoCopy: noCopy }),
    ...(subpath !== undefined && { Subpath: subpath }),
    ...(labels && { Labels: labels }),
    ...(hasDriver && {
      DriverConfig: {
        ...(driver !== undefined && { Name: driver }),
        ...(driverOptions && { Options: driverOptions }),
      },
    }),
  };
}

function tmpfsOptions(fields: NonNullable<MountFields['tmpfs']>): NonNullable<MountRequest['TmpfsOptions']> {
  const { sizeBytes, mode } = fields;
  return {
    ...(sizeBytes !== undefined && { SizeBytes: sizeBytes }),
    ...(mode !== undefined && { Mode: mode }),
  };
}

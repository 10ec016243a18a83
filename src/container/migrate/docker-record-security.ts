import type { OldHostConfig } from './docker-record-types.ts';

export function securityOf(host: OldHostConfig): object {
  const options = host.SecurityOpt ?? [];
  const valuesOf = (key: string) =>
    options
      .filter((option) => /^[^=:]*/.exec(option)?.[0] === key)
      .map((option) => option.slice(key.length + 1));
  const noNewPrivileges = valuesOf('no-new-privileges').at(-1);
  return {
    privileged: host.Privileged,
    addedCapabilities: host.CapAdd ?? [],
    droppedCapabilities: host.CapDrop ?? [],
    noNewPrivileges: noNewPrivileges !== undefined && !/^(0|f|false)$/i.test(noNewPrivileges),
    seccomp: seccompOf(valuesOf('seccomp').at(-1) ?? ''),
    ...(host.MaskedPaths && { maskedPaths: host.MaskedPaths }),
    ...(host.ReadonlyPaths && { readOnlyPaths: host.ReadonlyPaths }),
  };
}

function seccompOf(value: string): object {
  if (value === 'unconfined') return { kind: 'unconfined' };
  return value === '' || value === 'builtin' ? { kind: 'default' } : { kind: 'profile', json: value };
}

import { containerError } from '../container-errors.ts';

const DEFAULTS = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/** Options that exclude one another: the later one counts. */
const GROUPS: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['sync', 'async'],
  ['dirsync', 'nodirsync'],
  ['atime', 'noatime'],
  ['diratime', 'nodiratime'],
  ['relatime', 'norelatime'],
  ['strictatime', 'nostrictatime'],
  ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'],
];

const SIZE = /^\d+[kmgtpe%]?$/i;
const NUMBER = /^\d+$/;

/** The values of `key=value` options (tmpfs(5)). */
const VALUES: ReadonlyMap<string, RegExp> = new Map([
  ['size', SIZE],
  ['nr_blocks', SIZE],
  ['nr_inodes', SIZE],
  ['mode', /^[0-7]+$/],
  ['uid', NUMBER],
  ['gid', NUMBER],
  ['mpol', /./],
]);

/**
 * Adds to Docker's defaults for a tmpfs what was asked for.
 *
 * @throws {EngineError} `tmpfs-option-invalid`
 */
export function mergeTmpfsOptions(wanted: readonly string[]): readonly string[] {
  let merged: readonly string[] = DEFAULTS;
  for (const option of wanted) {
    const rivals = rivalsOf(option);
    merged = [...merged.filter((other) => !rivals(other)), option];
  }
  return merged;
}

function rivalsOf(option: string): (other: string) => boolean {
  const equals = option.indexOf('=');
  const value = VALUES.get(option.slice(0, Math.max(equals, 0)));
  if (value?.test(option.slice(equals + 1))) {
    return (other) => other.startsWith(option.slice(0, equals + 1));
  }
  const group = GROUPS.find((names) => names.includes(option));
  if (!group) throw containerError('tmpfs-option-invalid', { subject: option });
  return (other) => group.includes(other);
}

import { readFileSync } from 'node:fs';

/** One line of /proc/pid/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** The part of the file system that is mounted. */
  readonly root: string;
  readonly target: string;
  readonly fsType: string;
  readonly source: string;
  /** Options of this mount (`rw,nosuid`). */
  readonly options: string;
  /** `shared:2`, `master:1`, …: empty for a private mount. */
  readonly propagation: readonly string[];
  /** Options of the file system. */
  readonly superOptions: string;
}

/**
 * The mounts of a process's namespace, this one's if none is named, in the order in which they were made; paths are as
 * that process sees them.
 */
export function listMounts(pid: number | 'self' = 'self'): readonly MountInfo[] {
  return parseMountInfo(readMountInfo(pid));
}

/** The mount that `path` is in by its text: links in it are not followed, so no file system is asked. */
export function mountAbove(path: string): MountInfo | undefined {
  return listMounts()
    .filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`))
    .toSorted((a, b) => a.target.length - b.target.length)
    .at(-1);
}

/**
 * By way of a buffer. Asked for text, Node 26.10 (`ReadFileUtf8` of node_file.cc) collects pieces of less than 8 KiB,
 * which the kernel gives line by line, and copies them into 64 KiB when the first full one comes, which one mount of
 * many layers makes: where there are more mounts before it, that is over the end, and the process dies sooner or later.
 */
function readMountInfo(pid: number | 'self'): string {
  return readFileSync(`/proc/${pid}/mountinfo`).toString();
}

/** Parses the whole file; lines of an unknown shape are left out. */
export function parseMountInfo(text: string): readonly MountInfo[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): MountInfo | undefined {
  const [before = '', after = ''] = line.split(' - ');
  const [id, parentId, , root, target, options, ...propagation] = before.split(' ');
  const [fsType, source = '', superOptions = ''] = after.split(' ');
  if (root === undefined || target === undefined || options === undefined || fsType === undefined) {
    return undefined;
  }
  return {
    id: Number(id),
    parentId: Number(parentId),
    root: unescape(root),
    target: unescape(target),
    fsType,
    source: unescape(source),
    options,
    propagation,
    superOptions: unescape(superOptions),
  };
}

/** Blanks, tabs, newlines and backslashes are written as octal bytes. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

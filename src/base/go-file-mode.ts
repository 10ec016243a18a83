/** Go's `os.FileMode` (package `io/fs`), in which the archive endpoints and BuildKit tell the type of a file. */

const GO_MODE_DIRECTORY = 0x8000_0000;
const GO_MODE_SYMLINK = 0x0800_0000;
const GO_MODE_DEVICE = 0x0400_0000;
const GO_MODE_FIFO = 0x0200_0000;
const GO_MODE_SOCKET = 0x0100_0000;
const GO_MODE_SETUID = 0x0080_0000;
const GO_MODE_SETGID = 0x0040_0000;
const GO_MODE_CHARACTER_DEVICE = 0x0020_0000;
const GO_MODE_STICKY = 0x0010_0000;

const S_IFMT = 0o170000;

/** The file type bits of `st_mode` (inode(7)) and Go's bits for them. */
const TYPES: readonly (readonly [unix: number, go: number])[] = [
  [0o100000, 0],
  [0o040000, GO_MODE_DIRECTORY],
  [0o120000, GO_MODE_SYMLINK],
  [0o060000, GO_MODE_DEVICE],
  [0o020000, GO_MODE_DEVICE + GO_MODE_CHARACTER_DEVICE],
  [0o010000, GO_MODE_FIFO],
  [0o140000, GO_MODE_SOCKET],
];

const SPECIAL: readonly (readonly [unix: number, go: number])[] = [
  [0o4000, GO_MODE_SETUID],
  [0o2000, GO_MODE_SETGID],
  [0o1000, GO_MODE_STICKY],
];

const GO_TYPE_MASK =
  GO_MODE_DIRECTORY +
  GO_MODE_SYMLINK +
  GO_MODE_DEVICE +
  GO_MODE_FIFO +
  GO_MODE_SOCKET +
  GO_MODE_CHARACTER_DEVICE;

export function toGoFileMode(mode: number): number {
  const type = TYPES.find(([unix]) => unix === (mode & S_IFMT))?.[1] ?? 0;
  const special = SPECIAL.reduce((sum, [unix, go]) => ((mode & unix) === 0 ? sum : sum + go), 0);
  return type + special + (mode & 0o777);
}

/** Converts Go's mode to `st_mode`. */
export function fromGoFileMode(mode: number): number {
  const goType = (mode & GO_TYPE_MASK) >>> 0;
  const type = TYPES.find(([, go]) => go === goType)?.[0] ?? 0;
  const special = SPECIAL.reduce((sum, [unix, go]) => ((mode & go) === 0 ? sum : sum + unix), 0);
  return type + special + (mode & 0o777);
}

export function isGoDirectory(mode: number): boolean {
  return (mode & GO_MODE_DIRECTORY) !== 0;
}

export function isGoSymlink(mode: number): boolean {
  return (mode & GO_MODE_SYMLINK) !== 0;
}

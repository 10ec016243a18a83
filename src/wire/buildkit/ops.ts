/** pb: graphs as clients write them ("LLB", BuildKit's solver/pb/ops.proto). */
import { PlatformMessage, SourceInfo, SourceRange } from './common.ts';
import {
  bigint64,
  blobs,
  bytes,
  flag,
  int32,
  int32s,
  int64,
  list,
  map,
  message,
  type InputOf,
  type MessageOf,
  sub,
  text,
  textMap,
  texts,
  uint32,
} from './message.ts';

/** Where an operation has no input or output; numbers count from 0. */
export const NONE = -1;

const ProxyEnvironment = message({
  http_proxy: text(1),
  https_proxy: text(2),
  ftp_proxy: text(3),
  no_proxy: text(4),
  all_proxy: text(5),
});
const HostAddress = message({ Host: text(1), IP: text(2) });
const Ulimit = message({ Name: text(1), Soft: int64(2), Hard: int64(3) });

const CommandMessage = message({
  args: texts(1),
  env: texts(2),
  cwd: text(3),
  user: text(4),
  proxyEnv: sub(5, ProxyEnvironment),
  extraHosts: list(6, HostAddress),
  hostname: text(7),
  ulimit: list(9, Ulimit),
  cgroupParent: text(10),
  validExitCodes: int32s(12),
});

export const MOUNT_BIND = 0;
export const MOUNT_SECRET = 1;
export const MOUNT_SSH = 2;
export const MOUNT_CACHE = 3;
export const MOUNT_TMPFS = 4;

const MountedFile = message({
  ID: text(1),
  uid: uint32(2),
  gid: uint32(3),
  mode: uint32(4),
  optional: flag(5),
});

const MountMessage = message({
  input: int64(1),
  selector: text(2),
  dest: text(3),
  output: int64(4),
  readonly: flag(5),
  mountType: int32(6),
  tmpfs: sub(19, message({ size: int64(1) })),
  cache: sub(20, message({ ID: text(1), sharing: int32(2) })),
  secret: sub(21, MountedFile),
  ssh: sub(22, MountedFile),
});
export type MountMessage = MessageOf<typeof MountMessage>;

const SecretVariable = message({ ID: text(1), name: text(2), optional: flag(3) });

const ExecOp = message({
  meta: sub(1, CommandMessage),
  mounts: list(2, MountMessage),
  /** 1: the host's, 2: none. */
  network: int32(3),
  /** 1: privileged. */
  security: int32(4),
  secretenv: list(5, SecretVariable),
  devices: blobs(6),
});
export type ExecOp = MessageOf<typeof ExecOp>;

const SourceOp = message({ identifier: text(1), attrs: textMap(2) });
export type SourceOp = MessageOf<typeof SourceOp>;
export { SourceOp as SourceMessage };

const UserOption = message({ byName: sub(1, message({ name: text(1), input: int64(2) })), byID: uint32(2) });
const OwnerMessage = message({ user: sub(1, UserOption), group: sub(2, UserOption) });
export type OwnerMessage = MessageOf<typeof OwnerMessage>;

/** Times are nanoseconds; {@link NONE} where nothing is said, of modes too. */
const CopyAction = message({
  src: text(1),
  dest: text(2),
  owner: sub(3, OwnerMessage),
  mode: int32(4),
  followSymlink: flag(5),
  dirCopyContents: flag(6),
  attemptUnpack: flag(7),
  createDestPath: flag(8),
  allowWildcard: flag(9),
  allowEmptyWildcard: flag(10),
  timestamp: bigint64(11),
  includePatterns: texts(12),
  excludePatterns: texts(13),
  alwaysReplaceExistingDestPaths: flag(14),
  modeStr: text(15),
  requiredPaths: texts(16),
});
export type CopyAction = MessageOf<typeof CopyAction>;

const MakeFileAction = message({
  path: text(1),
  mode: int32(2),
  data: bytes(3),
  owner: sub(4, OwnerMessage),
  timestamp: bigint64(5),
});

const MakeDirectoryAction = message({
  path: text(1),
  mode: int32(2),
  makeParents: flag(3),
  owner: sub(4, OwnerMessage),
  timestamp: bigint64(5),
});

const RemoveAction = message({ path: text(1), allowNotFound: flag(2), allowWildcard: flag(3) });

const LinkAction = message({
  oldpath: text(1),
  newpath: text(2),
  owner: sub(3, OwnerMessage),
  timestamp: bigint64(4),
});

const FileAction = message({
  /** The index of an input of the operation or, beyond those, of an action before this one. */
  input: int64(1),
  secondaryInput: int64(2),
  output: int64(3),
  copy: sub(4, CopyAction),
  mkfile: sub(5, MakeFileAction),
  mkdir: sub(6, MakeDirectoryAction),
  rm: sub(7, RemoveAction),
  symlink: sub(8, LinkAction),
});
export type FileAction = MessageOf<typeof FileAction>;

const Side = message({ input: int64(1) });

/** One of exec, source, file, build, merge, diff; only a result has none of them. */
export const Op = message({
  inputs: list(1, message({ digest: text(1), index: int64(2) })),
  exec: sub(2, ExecOp),
  source: sub(3, SourceOp),
  file: sub(4, message({ actions: list(2, FileAction) })),
  build: sub(5, message({})),
  merge: sub(6, message({ inputs: list(1, Side) })),
  diff: sub(7, message({ lower: sub(1, Side), upper: sub(2, Side) })),
  passthrough: sub(8, message({})),
  platform: sub(10, PlatformMessage),
});
export type Op = MessageOf<typeof Op>;

const OpMetadata = message({ ignoreCache: flag(1), description: textMap(2) });
type OpMetadata = MessageOf<typeof OpMetadata>;

const Location = message({ sourceIndex: int32(1), ranges: list(2, SourceRange) });
const Locations = message({ locations: list(1, Location) });
const SourceMap = message({ locations: map(1, sub(2, Locations)), infos: list(2, SourceInfo) });

/** The operations as they were hashed; the last names the result, and does nothing. */
export const Definition = message({
  def: blobs(1),
  metadata: map(2, sub(2, OpMetadata)),
  Source: sub(3, SourceMap),
});
export type Definition = MessageOf<typeof Definition>;
export type DefinitionInput = InputOf<typeof Definition>;

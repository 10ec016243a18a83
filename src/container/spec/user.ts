import { fstatSync, readSync } from 'node:fs';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory } from '#linux/files.ts';
import { containerError } from '../container-errors.ts';
import type { RootAccess } from '../files/root-access.ts';

/** The user and groups of a process in a container. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** In the order in which Docker lists them, the primary group among them. */
  readonly additionalGids: readonly number[];
  /** From the container's passwd file; `/` for a user who is not in it. */
  readonly home: string;
}

/** Larger files are cut here: a hostile image must not fill our memory. */
const DATABASE_LIMIT_BYTES = 1 << 20;
const MAXIMUM_ID = 2 ** 31 - 1;

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface UserQuery {
  /** The mounted root. */
  readonly rootPath: string;
  /** `name|uid[:group|gid]`, empty: root. */
  readonly user: string;
  readonly groupAdd?: readonly string[];
}

/**
 * Finds a user and groups in /etc/passwd and /etc/group of a container's root, never following a link out of it.
 * Numbers need no entry.
 *
 * @throws {EngineError} `no-such-user`, `no-such-group`, `id-out-of-range`
 */
export function resolveUser({ rootPath, user, groupAdd = [] }: UserQuery, access: RootAccess): ResolvedUser {
  using root = ownFd(openDirectory(rootPath));
  const passwd = parsePasswd(readDatabase(root.fd, '/etc/passwd', access));
  const groups = parseGroup(readDatabase(root.fd, '/etc/group', access));
  const colon = user.indexOf(':');
  const userPart = colon < 0 ? user : user.slice(0, colon);
  const groupPart = colon < 0 ? '' : user.slice(colon + 1);
  const account = findUser(passwd, userPart);
  const gid = groupPart === '' ? account.gid : findGroup(groups, groupPart);
  const memberships =
    groupPart === ''
      ? groups.filter(({ members }) => members.includes(account.name)).map(({ gid }) => gid)
      : [];
  const added = groupAdd.map((group) => findGroup(groups, group, 'no-such-added-group'));
  return {
    uid: account.uid,
    gid,
    additionalGids: [...new Set([gid, ...memberships, ...added])],
    home: account.home === '' ? '/' : account.home,
  };
}

function findUser(passwd: readonly PasswdEntry[], user: string): PasswdEntry {
  const byName = user === '' ? undefined : passwd.find(({ name }) => name === user);
  if (byName) return byName;
  const uid = user === '' ? 0 : parseId(user);
  if (uid === undefined) {
    throw containerError('no-such-user', { subject: user });
  }
  return passwd.find((entry) => entry.uid === uid) ?? { name: '', uid, gid: 0, home: '/' };
}

function findGroup(
  groups: readonly GroupEntry[],
  group: string,
  reason: 'no-such-group' | 'no-such-added-group' = 'no-such-group',
): number {
  const gid = groups.find(({ name }) => name === group)?.gid ?? parseId(group);
  if (gid !== undefined) return gid;
  throw containerError(reason, { subject: group });
}

/** A number, undefined if it is none. */
function parseId(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id >= 0 && id <= MAXIMUM_ID) return id;
  throw containerError('id-out-of-range', { subject: text, details: { maximum: MAXIMUM_ID } });
}

/** A file of the container, empty where there is none; anything but a regular file is not opened, only looked at. */
function readDatabase(rootFd: number, path: string, access: RootAccess): string {
  try {
    using found = ownFd(access.find(rootFd, path));
    if (!fstatSync(found.fd).isFile()) return '';
    using file = ownFd(access.openFile(found.fd));
    return readBounded(file.fd);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return '';
    throw error;
  }
}

/** Most databases fit one read. */
const page = Buffer.allocUnsafeSlow(16 << 10);

function readBounded(fd: number): string {
  const parts: Buffer[] = [];
  let total = 0;
  while (total < DATABASE_LIMIT_BYTES) {
    const count = readSync(fd, page, 0, page.length, null);
    if (count === 0) break;
    if (total === 0 && count < page.length) return page.toString('utf8', 0, count);
    parts.push(Buffer.from(page.subarray(0, count)));
    total += count;
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsePasswd(text: string): readonly PasswdEntry[] {
  return linesOf(text).flatMap((line) => {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home }] : [];
  });
}

function parseGroup(text: string): readonly GroupEntry[] {
  return linesOf(text).flatMap((line) => {
    const [name = '', , gid = '', members = ''] = line.split(':');
    return /^\d+$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(',').filter(Boolean) }] : [];
  });
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

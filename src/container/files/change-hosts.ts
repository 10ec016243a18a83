/** A container's /etc/hosts follows its networks; what its users wrote there stays. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { FileService } from '#linux/file-service.ts';
import { ownHostsLines } from '#network/hosts-file.ts';
import type { SandboxRecord } from '#network/network.ts';
import { containerError } from '../container-errors.ts';
import { CONTAINER_FILE_TASKS } from './file-tasks.ts';
import { containerLane } from './lanes.ts';

/** A lease on the file must not hold up whoever changes the container's networks. */
const DEADLINE_MS = 2000;

export interface HostsChange {
  readonly path: string;
  /** Whole lines, without their ends. */
  readonly removed: readonly string[];
  /** Each in the place of the removed one with its index; what is more, at the end. */
  readonly added: readonly string[];
}

export interface HostsRoles {
  readonly files: FileService;
  readonly logger: Logger;
}

/** Tells a container of the networks that its sandbox has now. A failure is logged: the networks have changed. */
export async function followNetworks(
  { files, logger }: HostsRoles,
  before: SandboxRecord,
  after: SandboxRecord,
): Promise<void> {
  const { id, request } = after;
  if (!request.files) return;
  const [former, present] = [linesOf(before), linesOf(after)];
  const removed = former.filter((line) => !present.includes(line));
  const added = present.filter((line) => !former.includes(line));
  if (removed.length + added.length === 0) return;
  try {
    await files.run(CONTAINER_FILE_TASKS, 'change-hosts', {
      input: { path: request.files.hosts, removed, added },
      guard: { lane: containerLane(id), action: 'change /etc/hosts', deadlineMs: DEADLINE_MS },
    });
  } catch (error) {
    logger.warn('a container’s /etc/hosts does not follow its networks', { id, error: messageOf(error) });
  }
}

function linesOf({ endpoints, request }: SandboxRecord): readonly string[] {
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses.map(({ address }) => address));
  return ownHostsLines({ ...request, addresses });
}

/** What a container has filled its file with beyond that is left alone. */
const MAXIMUM_BYTES = 1024 * 1024;

/**
 * Runs in a thread. In place, since the file is mounted: its former inode would stay in the container. Whatever is not
 * ours stays byte for byte, and nothing is cut off before the rest is written.
 */
export function changeHosts({ path, removed, added }: HostsChange): void {
  const file = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    if (fstatSync(file).size > MAXIMUM_BYTES) throw containerError('hosts-too-large', { subject: path });
    const text = readFileSync(file, 'latin1');
    const changed = Buffer.from(changedLines(text, removed.map(bytesOf), added.map(bytesOf)), 'latin1');
    writeSync(file, changed, 0, changed.length, 0);
    ftruncateSync(file, changed.length);
  } finally {
    closeSync(file);
  }
}

function changedLines(text: string, removed: readonly string[], added: readonly string[]): string {
  const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const placed = new Set<string>();
  const lines = ended.split('\n').flatMap((line) => {
    const index = removed.indexOf(line);
    if (index < 0) return [line];
    const successor = added[index];
    if (successor === undefined) return [];
    placed.add(successor);
    return [successor];
  });
  const others = added.filter((line) => !placed.has(line));
  return [...lines.slice(0, -1), ...others, ''].join('\n');
}

/** Its bytes, a character each. */
function bytesOf(line: string): string {
  return Buffer.from(line).toString('latin1');
}

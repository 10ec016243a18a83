import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isGoDirectory, isGoSymlink } from '#base/go-file-mode.ts';
import { decodePathStat, PATH_STAT_HEADER } from '#wire/path-stat.ts';
import type { PathStat } from '#wire/path-stat.ts';
import { ApiError } from '#client/api-error.ts';
import { path } from '#client/client.ts';
import { extractTree } from '../archive/extract.ts';
import { packTree } from '../archive/pack.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import {
  archiveName,
  type CopyEnd,
  localDestination,
  localSource,
  planCopy,
  resolveLink,
  splitCopyOperand,
} from '../copy-paths.ts';
import { booleanFlag, type FlagValues } from '../flag.ts';
import { createMeter, type Meter } from '../progress/meter.ts';
import { ExitError } from '../usage-error.ts';

const flags = {
  archive: booleanFlag('Archive mode (copy all uid/gid information)', { short: 'a' }),
  followLink: booleanFlag('Always follow symbol link in SRC_PATH', { short: 'L' }),
  quiet: booleanFlag(
    'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
    { short: 'q' },
  ),
};

type CopyFlags = FlagValues<typeof flags>;

export const command = defineCommand({
  summary: 'Copy files/folders between a container and the local filesystem',
  usage: ['[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-', '[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH'],
  description: `Use '-' as the source to read a tar archive from stdin
and extract it to a directory destination in a container.
Use '-' as the destination to stream a tar archive of a
container source to stdout.`,
  operands: { min: 2, max: 2, kind: 'container' },
  examples: ['caisson cp web:/etc/nginx/nginx.conf .', 'caisson cp ./site/. web:/usr/share/nginx/html'],
  flags,
  run: async (context, { flags, operands: [from = '', to = ''] }) => {
    if (from === '') throw new ExitError(1, 'source can not be empty');
    if (to === '') throw new ExitError(1, 'destination can not be empty');
    const source = splitCopyOperand(from);
    const destination = splitCopyOperand(to);
    if (source.container !== undefined && destination.container !== undefined) {
      throw new ExitError(1, 'copying between containers is not supported');
    }
    using meter = createMeter(context, flags.quiet || !context.stdout.isTerminal);
    if (source.container !== undefined)
      await copyOut({ context, flags, meter, container: source.container }, source.path, to);
    else if (destination.container === undefined)
      throw new ExitError(1, 'must specify at least one container source');
    else await copyIn({ context, flags, meter, container: destination.container }, from, destination.path);
    meter.finish(
      (size) =>
        `Successfully copied ${size} to ${destination.container === undefined ? localDestination(to).path : to}`,
    );
    return 0;
  },
});

/** One copy: who asked for it, and how. */
interface Copy {
  readonly context: Context;
  readonly flags: CopyFlags;
  readonly meter: Meter;
  readonly container: string;
}

async function copyIn(copy: Copy, from: string, to: string): Promise<void> {
  const { context, flags, meter, container } = copy;
  if (to === '') throw new ExitError(1, `no such directory: name a path after "${container}:"`);
  const destination = await containerDestination(context, container, to);
  if (from === '-') {
    if (!destination.isDirectory)
      throw new ExitError(1, `destination "${container}:${to}" must be a directory`);
    return upload(copy, destination.path, meter.count(process.stdin));
  }
  const source = localSource(from, flags.followLink);
  const { directory, name } = planCopy(source, destination);
  return upload(copy, directory, meter.count(packTree(source.path, name)));
}

async function upload(
  { context, flags, container }: Copy,
  directory: string,
  body: AsyncIterable<Buffer>,
): Promise<void> {
  await context.client.run({
    method: 'PUT',
    path: path`/containers/${container}/archive`,
    query: { path: directory, noOverwriteDirNonDir: 'true', copyUIDGID: flags.archive ? 'true' : undefined },
    body,
  });
}

/** What is at the destination, a link there followed once as Docker does. */
async function containerDestination(context: Context, container: string, to: string): Promise<CopyEnd> {
  const stat = await statPath(context, container, to);
  if (!stat) return { path: to, exists: false, isDirectory: false };
  if (!isGoSymlink(stat.mode)) return { path: to, exists: true, isDirectory: isGoDirectory(stat.mode) };
  const led = resolveLink(to, stat.linkTarget);
  const behind = await statPath(context, container, led);
  return {
    path: led,
    exists: behind !== undefined,
    isDirectory: behind !== undefined && isGoDirectory(behind.mode),
  };
}

async function statPath(context: Context, container: string, target: string): Promise<PathStat | undefined> {
  try {
    const { headers } = await context.client.request({
      method: 'HEAD',
      path: path`/containers/${container}/archive`,
      query: { path: target },
    });
    return decodePathStat(headers[PATH_STAT_HEADER.toLowerCase()] ?? '');
  } catch (error) {
    // What is wrong is told by the transfer itself, with its message: a HEAD has none.
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

async function copyOut(copy: Copy, from: string, to: string): Promise<void> {
  const { context, flags, meter, container } = copy;
  const destination = to === '-' ? undefined : writableDestination(to);
  const followed = flags.followLink ? await followInContainer(context, container, from) : { path: from };
  const response = await context.client.request({
    method: 'GET',
    path: path`/containers/${container}/archive`,
    query: { path: followed.path },
  });
  if (!destination) {
    for await (const chunk of response.body) context.stdout.write(chunk);
    return;
  }
  const stat = decodePathStat(response.headers[PATH_STAT_HEADER.toLowerCase()] ?? '');
  const source: CopyEnd = { ...followed, exists: true, isDirectory: isGoDirectory(stat.mode) };
  const { directory, name } = planCopy(source, destination);
  const rename = renamer(archiveName(followed.path), name);
  await extractTree(meter.count(response.body), directory, { rename, owners: flags.archive });
}

/** @throws {ExitError} if not even the directory exists that the copy is to be made in */
function writableDestination(to: string): CopyEnd {
  const destination = localDestination(to);
  const parent = dirname(resolve(destination.path));
  if (!destination.exists && !existsSync(parent)) {
    throw new ExitError(1, `invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  }
  return destination;
}

async function followInContainer(
  context: Context,
  container: string,
  from: string,
): Promise<{ readonly path: string; readonly rebaseName?: string }> {
  const stat = await statPath(context, container, from);
  if (!stat || !isGoSymlink(stat.mode)) return { path: from };
  return { path: resolveLink(from, stat.linkTarget), rebaseName: archiveName(from) };
}

/** Members are called by the last part of the source's path, or `.`; they are to be called by `name`. */
function renamer(own: string, name: string): (member: string) => string {
  return (member) => {
    const clean = member.replace(/^\.\//, '');
    if (own === name) return clean;
    if (own === '.' || own === '') return `${name}/${clean}`;
    return clean === own || clean.startsWith(`${own}/`) ? name + clean.slice(own.length) : clean;
  };
}

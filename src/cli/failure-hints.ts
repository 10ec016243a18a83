import { readFileSync, statSync } from 'node:fs';
import { isEngineError } from '#base/errors.ts';
import { ApiError } from '#client/api-error.ts';
import { listContainers } from '#client/containers.ts';
import { listImages } from '#client/images.ts';
import type { Context } from './context.ts';
import { nearest } from './suggest.ts';

/** Who may use the socket is who is in its group, unless that is root's. */
function noPermission({ client: { host } }: Context): string {
  const socket = host.replace('unix://', '');
  const gid = String(statSync(socket, { throwIfNoEntry: false })?.gid ?? 0);
  const groups = readFileSync('/etc/group', 'utf8').split('\n');
  const [group = 'root'] = groups.map((line) => line.split(':')).find(([, , id]) => id === gid) ?? [];
  if (group === 'root') return 'Use sudo; caissond --group GROUP opens the socket to a group.';
  return `Use sudo, or join the group of the socket ("sudo usermod -aG ${group} $USER", then log in again).`;
}

const OVER_SSH =
  'ssh must reach that machine without a question (a key in the agent, the host known), and caisson or docker must be on its PATH.';

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** What may help after a failure: one line each, none where nothing is known. */
export async function hintsFor(context: Context, error: unknown): Promise<readonly string[]> {
  try {
    return await knownHintsFor(context, error);
  } catch {
    // A suggestion is not worth a second error.
    return [];
  }
}

async function knownHintsFor(context: Context, error: unknown): Promise<readonly string[]> {
  if (isEngineError(error, 'unavailable') && !(error instanceof ApiError)) {
    if (codeOf(error.cause) === 'EACCES') return [noPermission(context)];
    if (context.client.host.startsWith('ssh://')) return [OVER_SSH];
    return ['Start it with "caissond", or name another engine with -H or CAISSON_HOST.'];
  }
  if (!(error instanceof ApiError)) return [];
  return (await missingHints(context, error.message)) ?? knownHints(error.message);
}

async function missingHints(context: Context, message: string): Promise<readonly string[] | undefined> {
  const container = /No such container: (\S+)/.exec(message)?.[1];
  if (container !== undefined) {
    const all = await listContainers(context.client, { all: true });
    const names = all.flatMap(({ Names }) => Names.map((name) => name.slice(1)));
    return didYouMean(nearest(container, names), '"caisson ps -a" lists all containers.');
  }
  const image = /No such image: (\S+)/.exec(message)?.[1];
  if (image === undefined) return undefined;
  const tags = (await listImages(context.client)).flatMap(({ RepoTags }) => RepoTags ?? []);
  return didYouMean(
    nearest(withoutLatest(image), tags.map(withoutLatest)),
    '"caisson images" lists all images.',
  );
}

function withoutLatest(name: string): string {
  return name.replace(/:latest$/, '');
}

function didYouMean(names: readonly string[], otherwise: string): readonly string[] {
  return names.length === 0 ? [otherwise] : names.map((name) => `Did you mean "${name}"?`);
}

/** By words of the engine's message. */
const KNOWN: readonly (readonly [pattern: RegExp, hint: (match: RegExpExecArray) => string])[] = [
  [
    /container name "\/?([^"]+)" is already in use/,
    ([, name]) => `Free the name with "caisson rm -f ${name}", or choose another with --name.`,
  ],
  [
    /(?:container is running|stop the container before removing)/i,
    () => 'Stop it first, or remove it all the same with "rm -f".',
  ],
  [
    /(?:port is already allocated|address already in use)/,
    () => 'Something listens on that port: choose another one before the colon of -p.',
  ],
  [
    /network (\S+) not found/,
    ([, name]) =>
      `"caisson network ls" lists the networks; "caisson network create ${name}" makes one of that name.`,
  ],
  [
    /no basic auth credentials|authentication required|unauthorized/i,
    () => 'Log in with "caisson login HOST"; without HOST that is Docker Hub.',
  ],
  [/no command specified/, () => 'The image names none: give one after the image, such as "sh".'],
  [
    /exec: "([^"]+)": executable file not found/,
    ([, name]) => `Is ${JSON.stringify(name)} in the image, and spelt as there?`,
  ],
  [
    /container \S+ is not running/,
    () => 'Start it with "caisson start", or look at "caisson logs" for why it ended.',
  ],
];

function knownHints(message: string): readonly string[] {
  for (const [pattern, hint] of KNOWN) {
    const match = pattern.exec(message);
    if (match) return [hint(match)];
  }
  return [];
}

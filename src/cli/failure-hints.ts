import { readFileSync, statSync } from 'node:fs';
import { errnoOf } from '#base/errno.ts';
import { isEngineError } from '#base/errors.ts';
import { COMMON_IMAGES } from '#oci/common-images.ts';
import { ApiError } from '#client/api-error.ts';
import { listContainers } from '#client/containers.ts';
import type { Client } from '#client/client.ts';
import { listImages } from '#client/images.ts';
import { listNetworks } from '#client/networks.ts';
import { listVolumes } from '#client/volumes.ts';
import type { Context } from './context.ts';
import { DOCKER_HUB, registryOf } from './image-reference.ts';
import { nearest } from './suggest.ts';

/** Members of the socket's group may use it, unless that is root's. */
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
    if (errnoOf(error.cause) === 'EACCES') return [noPermission(context)];
    if (context.client.host.startsWith('ssh://')) return [OVER_SSH];
    return ['Start it with "caissond", or name another engine with -H or CAISSON_HOST.'];
  }
  if (!(error instanceof ApiError)) return [];
  if (error.subject !== undefined) return transferHints(context, error.subject, error.message);
  return (await missingHints(context, error.message)) ?? knownHints(error.message);
}

/** A kind of objects that a name was not found among. */
interface Kind {
  readonly missing: RegExp;
  readonly names: (client: Client) => Promise<readonly string[]>;
  readonly otherwise: (name: string) => string;
}

const CONTAINERS: Kind = {
  missing: /No such container: (\S+)/,
  names: async (client) => {
    const all = await listContainers(client, { all: true });
    return all.flatMap(({ Names }) => Names.map((name) => name.slice(1)));
  },
  otherwise: () => '"caisson ps -a" lists all containers.',
};
const IMAGES: Kind = {
  missing: /No such image: (\S+)/,
  names: async (client) => {
    const tags = (await listImages(client)).flatMap(({ RepoTags }) => RepoTags ?? []);
    return tags.map(withoutLatest);
  },
  otherwise: () => '"caisson images" lists all images.',
};
const VOLUMES: Kind = {
  missing: /get (\S+): no such volume/,
  names: async (client) => ((await listVolumes(client)).Volumes ?? []).map(({ Name }) => Name),
  otherwise: () => '"caisson volume ls" lists all volumes.',
};
const NETWORKS: Kind = {
  missing: /network (\S+) not found/,
  names: async (client) => (await listNetworks(client)).map(({ Name }) => Name),
  otherwise: (name) =>
    `"caisson network ls" lists the networks; "caisson network create ${name}" makes one of that name.`,
};
const KINDS = [CONTAINERS, IMAGES, VOLUMES, NETWORKS];
/** What `inspect` looks among. */
const OBJECTS: Kind = {
  missing: /No such object: (\S+)/,
  names: async (client) => (await Promise.all(KINDS.map(({ names }) => names(client)))).flat(),
  otherwise: () => 'It is the name of no container, image, network or volume.',
};

async function missingHints({ client }: Context, message: string): Promise<readonly string[] | undefined> {
  for (const { missing, names, otherwise } of [...KINDS, OBJECTS]) {
    const name = missing.exec(message)?.[1];
    if (name !== undefined)
      return didYouMean(nearest(withoutLatest(name), await names(client)), otherwise(name));
  }
  return undefined;
}

const UNREACHABLE = /Cannot reach registry|no such host|connection refused|i\/o timeout/;
const UNAUTHORIZED = /no basic auth credentials|authentication required|unauthorized|denied/i;

/** What may help where an image could not be fetched or uploaded. */
async function transferHints(context: Context, image: string, message: string): Promise<readonly string[]> {
  const name = withoutLatest(image);
  const known = [...(await IMAGES.names(context.client)), ...COMMON_IMAGES].filter((each) => each !== name);
  const meant = didYouMean(nearest(name, known));
  if (UNREACHABLE.test(message)) return [...meant, ...registryHint(message)];
  if (!UNAUTHORIZED.test(message)) return meant;
  const registry = registryOf(image);
  const login = registry === DOCKER_HUB ? 'caisson login' : `caisson login ${registry}`;
  return [...meant, `Log in with "${login}".`];
}

/** Where no registry can be reached: what there is instead. */
export function registryHint(message: string): readonly string[] {
  return UNREACHABLE.test(message) ? [WITHOUT_REGISTRY] : [];
}

const WITHOUT_REGISTRY =
  'Name a registry that is in reach ("HOST/NAME", or caissond --registry-mirror URL), or make a base image from packages with "caisson bootstrap debian:trixie".';

function withoutLatest(name: string): string {
  return name.replace(/:latest$/, '');
}

function didYouMean(names: readonly string[], ...otherwise: readonly string[]): readonly string[] {
  return names.length === 0 ? otherwise : names.map((name) => `Did you mean "${name}"?`);
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
    /volume is in use - \[([0-9a-f]{12})/,
    ([, container]) => `Container ${container} uses it: "caisson rm -f ${container}" removes that one first.`,
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

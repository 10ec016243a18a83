import { builderFlag } from './builder-flag.ts';
import { parseUlimit } from '../container-options/resources.ts';
import { memoryFlag } from '../container-options/value-flags.ts';
import {
  booleanFlag,
  type FlagValues,
  listFlag,
  stringFlag,
  stringsFlag,
  valuesFlag,
  type Flag,
} from '../flag.ts';
import { PROGRESS_MODES } from './build-display.ts';

export const buildFlags = {
  addHost: listFlag('Add a custom host-to-IP mapping ("host:ip")'),
  allow: entitlementsFlag('Allow extra privileged entitlement ("network.host", "security.insecure")'),
  annotation: listFlag('Add annotation to the image (format: "[index:|manifest:]key=value")'),
  attest: listFlag('Attestation parameters (format: "type=sbom,generator=image")'),
  buildArg: listFlag('Set build-time variables (format: "KEY=value", or "KEY" for the value of this shell)'),
  buildContext: listFlag(
    'Additional build contexts (e.g., "name=path", "name=docker-image://alpine", "name=oci-layout://path")',
  ),
  builder: builderFlag,
  cacheFrom: listFlag('External cache sources (e.g., "user/app:cache", "type=local,src=path/to/dir")'),
  cacheTo: listFlag('Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")'),
  call: choiceFlag('What is wanted of the Dockerfile', ['build', 'check', 'outline', 'targets']),
  cgroupParent: stringFlag('Set the parent cgroup for the "RUN" instructions during build'),
  check: booleanFlag('Check the Dockerfile, and build nothing'),
  file: stringFlag('Name of the Dockerfile, "-" for standard input (default: "PATH/Dockerfile")', {
    short: 'f',
  }),
  iidfile: stringFlag('Write the image ID to a file'),
  label: listFlag('Set metadata for an image'),
  load: booleanFlag('Keep the image in the engine, beside other outputs'),
  memory: memoryFlag('Memory limit', { short: 'm' }),
  memorySwap: memoryFlag('Memory plus swap: "-1" for unlimited swap', { unlimited: true }),
  metadataFile: stringFlag('Write build result metadata to a file'),
  network: stringFlag('Set the networking mode for the "RUN" instructions during build', {
    initial: 'default',
  }),
  noCache: booleanFlag('Do not use cache when building the image'),
  noCacheFilter: stringsFlag('Do not cache specified stages'),
  output: listFlag('Output destination (format: "type=local,dest=path")', { short: 'o' }),
  platform: stringsFlag('Set target platforms for build', { variable: 'DOCKER_DEFAULT_PLATFORM' }),
  progress: choiceFlag('Set type of progress output', PROGRESS_MODES),
  provenance: bareFlag('Shorthand for "--attest=type=provenance"'),
  pull: booleanFlag('Always attempt to pull all referenced images'),
  push: booleanFlag('Push the image to its registry'),
  quiet: booleanFlag('Suppress the build output and print image ID on success', { short: 'q' }),
  sbom: bareFlag('Shorthand for "--attest=type=sbom"'),
  secret: listFlag('Secret to expose to the build (format: "id=mysecret[,src=/local/secret|,env=NAME]")'),
  shmSize: memoryFlag('Shared memory size for build containers'),
  squash: booleanFlag('Squash newly built layers into a single new layer'),
  ssh: listFlag('SSH agent or keys for the build (format: "default|<id>[=<socket>|<key>[,<key>]]")'),
  tag: listFlag('Name and optionally a tag (format: "name:tag")', { short: 't' }),
  target: stringFlag('Set the target build stage to build'),
  ulimit: valuesFlag('Ulimit options', parseUlimit, { type: 'ulimit' }),
};

export type BuildFlags = FlagValues<typeof buildFlags>;

/** One of some words; the first one is meant where none is given. */
function choiceFlag(summary: string, choices: readonly string[]): Flag<string> {
  const shown = choices.map((choice) => JSON.stringify(choice)).join(', ');
  return {
    ...stringFlag(`${summary} (${shown})`, { initial: choices[0] ?? '' }),
    add: (_, text) => oneOf(choices, text),
  };
}

function entitlementsFlag(summary: string): Flag<readonly string[]> {
  const flag = stringsFlag(summary);
  return { ...flag, add: (before, text) => flag.add(before, text).map((one) => oneOf(ENTITLEMENTS, one)) };
}

const ENTITLEMENTS = ['network.host', 'security.insecure'];

function oneOf(choices: readonly string[], text: string): string {
  if (choices.includes(text)) return text;
  throw new Error(`expected ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`);
}

/** A text that may be left out: `--sbom` alone is `--sbom=true`. */
function bareFlag(summary: string): Flag<string> {
  return { ...stringFlag(summary), bare: 'true' };
}

import { writeFileSync } from 'node:fs';
import { buildUpload } from '../build-context.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { booleanFlag, type FlagValues, listFlag, stringFlag } from '../flag.ts';
import { toMap } from '../container-options/key-values.ts';
import { memoryFlag } from '../container-options/value-flags.ts';
import { showProgress } from '../progress/progress-display.ts';

const table = {
  addHost: listFlag('Add a custom host-to-IP mapping ("host:ip")'),
  buildArg: listFlag('Set build-time variables'),
  cgroupParent: stringFlag('Set the parent cgroup for the "RUN" instructions during build'),
  file: stringFlag('Name of the Dockerfile (default: "PATH/Dockerfile")', { short: 'f' }),
  iidfile: stringFlag('Write the image ID to a file'),
  label: listFlag('Set metadata for an image'),
  memory: memoryFlag('Memory limit', { short: 'm' }),
  network: stringFlag('Set the networking mode for the "RUN" instructions during build', {
    initial: 'default',
  }),
  noCache: booleanFlag('Do not use cache when building the image'),
  platform: stringFlag('Set target platform for build'),
  pull: booleanFlag('Always attempt to pull all referenced images'),
  quiet: booleanFlag('Suppress the build output and print image ID on success', { short: 'q' }),
  shmSize: memoryFlag('Shared memory size for build containers'),
  tag: listFlag('Name and optionally a tag (format: "name:tag")', { short: 't' }),
  target: stringFlag('Set the target build stage to build'),
};

export const command = defineCommand({
  summary: 'Build an image from a Dockerfile',
  usage: ['[OPTIONS] PATH | -'],
  description: `The context is a directory, or a tar archive on standard input ('-'); a Dockerfile
there is built without a context.`,
  operands: { min: 1, max: 1, kind: 'file' },
  examples: ['caisson build -t app .', 'caisson build -f Dockerfile.test --target test .'],
  flags: table,
  run: async (context, { flags, operands: [path = ''] }) => {
    const { body, dockerfile } = await buildUpload(path, flags.file);
    const response = await context.client.request({
      method: 'POST',
      path: '/build',
      query: { ...queryOf(context, flags), dockerfile },
      headers: { 'Content-Type': 'application/x-tar' },
      body,
    });
    const ids: string[] = [];
    await showProgress(context, response.body, context.stdout, (aux) => {
      if ('ID' in aux && typeof aux.ID === 'string') ids.push(aux.ID);
    });
    const [id] = ids;
    if (flags.iidfile !== '' && id !== undefined) writeFileSync(flags.iidfile, id);
    return 0;
  },
});

function queryOf(
  { environment }: Context,
  flags: FlagValues<typeof table>,
): Record<string, string | readonly string[] | undefined> {
  return {
    t: flags.tag,
    buildargs: JSON.stringify(buildArgs(flags.buildArg, environment)),
    labels: JSON.stringify(toMap(flags.label)),
    extrahosts: flags.addHost,
    cgroupparent: shown(flags.cgroupParent),
    memory: number(flags.memory),
    networkmode: flags.network,
    nocache: flags.noCache ? '1' : undefined,
    platform: shown(flags.platform),
    pull: flags.pull ? '1' : undefined,
    q: flags.quiet ? '1' : undefined,
    shmsize: number(flags.shmSize),
    target: shown(flags.target),
  };
}

function shown(value: string): string | undefined {
  return value || undefined;
}

function number(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** A name alone takes its value from this process's environment; where that has none, it does not count. */
function buildArgs(
  given: readonly string[],
  environment: Context['environment'],
): Readonly<Record<string, string>> {
  const pairs = given.flatMap((text) => {
    if (text.includes('=')) return [text];
    const value = environment[text];
    return value === undefined ? [] : [`${text}=${value}`];
  });
  return toMap(pairs);
}

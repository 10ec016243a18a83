import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { EngineError } from '#base/errors.ts';
import type { Context } from '../context.ts';
import { importImage } from '../import-image.ts';
import { createMeter } from '../progress/meter.ts';
import { ExitError, UsageError } from '../usage-error.ts';
import { mmdebstrapArguments } from './mmdebstrap.ts';

export interface BootstrapFlags {
  readonly include: readonly string[];
  readonly mirror: string;
  readonly quiet: boolean;
  readonly tag: string;
  readonly variant: string;
}

/**
 * Makes a base image with mmdebstrap on this machine and streams it into the engine; nothing is left on disk here.
 * @returns the exit code
 */
export async function bootstrapImage(
  context: Context,
  reference: string,
  flags: BootstrapFlags,
): Promise<number> {
  const [, distribution = '', suite = ''] = /^([a-z]+):([a-z0-9.-]+)$/.exec(reference) ?? [];
  if (suite === '')
    throw new UsageError(
      `Cannot bootstrap ${JSON.stringify(reference)}: expected NAME:SUITE, such as debian:trixie`,
    );
  // An engine that is not there is told before minutes of work.
  await context.client.run({ method: 'HEAD', path: '/_ping' });
  const words = mmdebstrapArguments({ ...flags, distribution, suite });
  if (!flags.quiet) context.say(`Installing ${reference} with mmdebstrap (${flags.variant})`);
  const started = Date.now();
  using meter = createMeter(context, flags.quiet, { label: `Importing ${reference}` });
  const isTold = !context.stderr.isTerminal && !flags.quiet;
  const tell = (line: string) => (isTold ? context.say(line) : meter.note(line.replace(/^I: /, '  ')));
  await using builder = startMmdebstrap(words, { tell, isTold });
  await importImage(context, {
    from: '-',
    body: meter.count(builder.output()),
    reference: flags.tag || reference,
    changes: ['CMD ["bash"]'],
    message: `Bootstrapped from ${suite}`,
    platform: '',
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  meter.finish((size) => `${flags.tag || reference} is ready: ${size} in ${seconds} s`);
  return 0;
}

interface Builder extends AsyncDisposable {
  /** The tar. @throws {EngineError} where mmdebstrap fails, with what it said last */
  output(): AsyncGenerator<Buffer, void, void>;
}

interface Audience {
  /** Gets every line that mmdebstrap says. */
  readonly tell: (line: string) => void;
  /** The lines stay visible: an error need not repeat them. */
  readonly isTold: boolean;
}

function startMmdebstrap(words: readonly string[], { tell, isTold }: Audience): Builder {
  const child = spawn(PROGRAM, [...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>();
  ended.catch(() => undefined);
  child.on('error', (error) => reject(startFailure(error)));
  child.on('close', (code) => resolve(code));
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    said.splice(0, said.length - REMEMBERED_LINES);
    tell(line);
  });
  return {
    async *output() {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
      const code = await ended;
      if (code !== 0) {
        const lines = [
          `Cannot make the image: mmdebstrap ended with ${code}`,
          ...(isTold ? [] : said),
          ...hintsIn(said),
        ];
        throw new EngineError('internal', lines.join('\n'));
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) child.kill('SIGTERM');
      await ended.catch(() => undefined);
    },
  };
}

/** By what apt says. */
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/does not have a Release file/, 'Does the archive have that suite? --mirror URL names another archive.'],
  [
    /Could not (?:resolve|connect)|Temporary failure resolving|Unable to connect/,
    'The package archive is out of reach: --mirror URL names another one.',
  ],
  [/Unable to locate package/, 'Is every package of --include in that suite, and spelt as there?'],
];

function hintsIn(said: readonly string[]): readonly string[] {
  return HINTS.filter(([pattern]) => said.some((line) => pattern.test(line))).map(([, hint]) => hint);
}

const PROGRAM = 'mmdebstrap';
const REMEMBERED_LINES = 12;

function startFailure(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ENOENT') return error;
  return new ExitError(
    1,
    'caisson: mmdebstrap is not installed. Install it with "apt-get install mmdebstrap".',
  );
}

/** What clients may ask about a Dockerfile instead of building it. */
import type { BuildRequest } from '#build/build.ts';
import { unsupportedSubrequest } from './grpc-status.ts';

export const DESCRIBE = 'frontend.subrequests.describe';

const NAMES: ReadonlyMap<string, NonNullable<BuildRequest['subrequest']>> = new Map([
  ['frontend.outline', 'outline'],
  ['frontend.targets', 'targets'],
  ['frontend.lint', 'check'],
]);

/** @throws {GrpcError} for what is not known */
export function subrequestOf(name: string): NonNullable<BuildRequest['subrequest']> {
  const known = NAMES.get(name);
  if (known === undefined) throw unsupportedSubrequest(name);
  return known;
}

const FILES = ['result.json', 'result.txt'];

const DESCRIPTIONS = [
  ['frontend.outline', 'List all parameters current build target supports'],
  ['frontend.targets', 'List all targets current build supports'],
  ['frontend.lint', 'Lint a Dockerfile'],
  [DESCRIBE, 'List available subrequest types'],
] as const;

/** The answer to {@link DESCRIBE}. */
export const SUBREQUESTS: Readonly<Record<string, string>> = {
  'result.json': JSON.stringify(
    DESCRIPTIONS.map(([name, description]) => ({
      name,
      version: '1.0.0',
      type: 'rpc',
      description,
      opts: [],
      inputs: [],
      metadata: FILES.map((file) => ({ name: file, description: '' })),
      refs: [],
    })),
  ),
  'result.txt': [['NAME', 'DESCRIPTION'], ...DESCRIPTIONS]
    .map(([name, description]) => `${name.replace('frontend.', '').padEnd(22)}${description}\n`)
    .join(''),
  version: '1.0.0',
};

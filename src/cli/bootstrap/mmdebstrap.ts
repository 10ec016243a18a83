import { type AptSource, readAptSources } from './apt-sources.ts';

export interface BootstrapChoice {
  /** `debian`, `ubuntu`; decides what is asked where this machine's apt does not know the suite. */
  readonly distribution: string;
  readonly suite: string;
  /** Empty: this machine's. */
  readonly mirror: string;
  readonly variant: string;
  readonly include: readonly string[];
}

/** The arguments of mmdebstrap(1) that write the system's tar to standard output. */
export function mmdebstrapArguments(choice: BootstrapChoice, sources = readAptSources()): readonly string[] {
  const packages = choice.include.join(',');
  return [
    `--variant=${choice.variant}`,
    '--mode=root',
    '--format=tar',
    ...(packages === '' ? [] : [`--include=${packages}`]),
    // The result is streamed away: syncing it on the way is time for nothing.
    '--dpkgopt=force-unsafe-io',
    // Documentation and package lists would be half of the image.
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
    '--aptopt=Acquire::Languages "none"',
    choice.suite,
    '-',
    ...mirrorsFor(choice, sources),
  ];
}

/** The lines of sources.list(5) for the suite: the mirror asked for, this machine's archives, or none (a default). */
function mirrorsFor({ suite, mirror }: BootstrapChoice, sources: readonly AptSource[]): readonly string[] {
  if (mirror !== '') return [mirror];
  return sources.flatMap(({ uri, suites, components, signedBy }) =>
    suites
      .filter((name) => name === suite || name.startsWith(`${suite}-`))
      .map((name) => {
        const option = signedBy === undefined ? '' : `[signed-by=${signedBy}] `;
        return `deb ${option}${uri} ${name} ${components.join(' ') || 'main'}`;
      }),
  );
}

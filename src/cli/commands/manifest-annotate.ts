import { defineCommand } from '../command.ts';
import { stringFlag, stringsFlag } from '../flag.ts';
import { canonical } from '../manifest/manifest-commands.ts';
import type { EntryPlatform } from '../manifest/manifest-entry.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';
import { ExitError } from '../usage-error.ts';

/** The pairs that Docker takes (cli/command/manifest/util.go). */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  darwin: ['386', 'amd64', 'arm', 'arm64'],
  dragonfly: ['amd64'],
  freebsd: ['386', 'amd64', 'arm'],
  linux: [
    '386',
    'amd64',
    'arm',
    'arm64',
    'loong64',
    'mips64',
    'mips64le',
    'ppc64',
    'ppc64le',
    'riscv64',
    's390x',
  ],
  netbsd: ['386', 'amd64', 'arm'],
  openbsd: ['386', 'amd64', 'arm'],
  plan9: ['386', 'amd64'],
  solaris: ['amd64'],
  windows: ['386', 'amd64', 'arm', 'arm64'],
};

export const command = defineCommand({
  summary: 'Add additional information to a local image manifest',
  usage: ['[OPTIONS] MANIFEST_LIST MANIFEST'],
  operands: { min: 2, max: 2 },
  examples: ['caisson manifest annotate --arch arm64 me/app:1 me/app:1-arm64'],
  flags: {
    arch: stringFlag('Set architecture'),
    os: stringFlag('Set operating system'),
    osFeatures: stringsFlag('Set operating system feature'),
    osVersion: stringFlag('Set operating system version'),
    variant: stringFlag('Set architecture variant'),
  },
  run: (context, { flags, operands: [list = '', name = ''] }) => {
    const store = new ManifestStore(context);
    const entry = store.entry(canonical(list), canonical(name));
    if (!entry) throw new ExitError(1, `manifest for image ${name} does not exist in ${list}`);
    const before = entry.Descriptor.platform;
    const version = flags.osVersion || before?.['os.version'];
    const features = flags.osFeatures.length > 0 ? flags.osFeatures : before?.['os.features'];
    const variant = flags.variant || before?.variant;
    const platform: EntryPlatform = {
      architecture: flags.arch || before?.architecture || '',
      os: flags.os || before?.os || '',
      ...(version ? { 'os.version': version } : {}),
      ...(features ? { 'os.features': features } : {}),
      ...(variant ? { variant } : {}),
    };
    if (!ARCHITECTURES[platform.os]?.includes(platform.architecture))
      throw new ExitError(
        1,
        `manifest entry for image has unsupported os/arch combination: ${platform.os}/${platform.architecture}`,
      );
    const annotated = { ...entry, Descriptor: { ...entry.Descriptor, platform } };
    store.save(canonical(list), canonical(name), annotated);
    return Promise.resolve(0);
  },
});

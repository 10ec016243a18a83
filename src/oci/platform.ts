/** For what machines an image is: OCI image spec, image-index.md, with Go's names. */
import { EngineError } from '#base/errors.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const GO_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loong64',
};

/** Other spellings (containerd's platforms package). */
const ALIASES: Readonly<Record<string, Omit<Platform, 'os'>>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/** What Go knows (containerd's platforms package). */
const SYSTEMS: ReadonlySet<string> = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
);
const ARCHITECTURES: ReadonlySet<string> = new Set([
  ...Object.keys(ALIASES),
  ...'386 amd64 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le ppc ppc64 ppc64le'.split(' '),
  ...'riscv riscv64 s390 s390x sparc sparc64 wasm'.split(' '),
]);

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: GO_ARCHITECTURES[process.arch] ?? process.arch };
}

/**
 * `linux/arm64/v8`, `linux/amd64`, or a part alone: `linux`, `arm64`; what is left out is the host's.
 *
 * @throws {EngineError} `invalid`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part)))
    throw new EngineError(
      'invalid',
      `Cannot use platform ${JSON.stringify(text)}: not OS/ARCHITECTURE[/VARIANT]`,
    );
  const host = hostPlatform();
  const [first = '', second, variant] = parts;
  if (second === undefined) {
    if (SYSTEMS.has(first)) return { ...host, os: first };
    if (ARCHITECTURES.has(first)) return { os: host.os, ...normalizeArchitecture(first, undefined) };
    throw new EngineError(
      'invalid',
      `${JSON.stringify(text)}: unknown operating system or architecture: invalid argument`,
    );
  }
  return { os: first, ...normalizeArchitecture(second, variant) };
}

function normalizeArchitecture(name: string, variant: string | undefined): Omit<Platform, 'os'> {
  const known = ALIASES[name] ?? { architecture: name };
  const isDefault = known.architecture === 'arm64' && variant === 'v8';
  return variant === undefined || isDefault ? known : { architecture: known.architecture, variant };
}

/** True if an image for `image` is what `wanted` asks for: a variant counts only where one is asked for. */
export function matchesPlatform(image: Platform, wanted: Platform): boolean {
  const normal = normalizeArchitecture(image.architecture, image.variant);
  if (image.os !== wanted.os || normal.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || normal.variant === undefined || normal.variant === wanted.variant;
}

/** `linux/arm64/v8` */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join('/');
}

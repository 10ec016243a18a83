/** Which programs of other machines run here. */
import { existsSync } from 'node:fs';
import { BINFMT_MISC, type BinaryHandler, isBinfmtMounted, readBinaryHandlers } from '#linux/binfmt-misc.ts';
import { x86Levels } from '#linux/x86-levels.ts';
import { hostPlatform, matchesPlatform, type Platform, platformText } from '#oci/platform.ts';
import { programHead } from '#oci/program-format.ts';

/** Architectures by Go's names, in the order in which BuildKit lists them, and qemu's names of them. */
const QEMU_NAMES: ReadonlyMap<string, string> = new Map([
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
  ['riscv64', 'riscv64'],
  ['ppc64le', 'ppc64le'],
  ['s390x', 's390x'],
  ['386', 'i386'],
  ['mips64le', 'mips64el'],
  ['loong64', 'loongarch64'],
  ['arm', 'arm'],
]);

/** True if this machine's kernel runs such programs itself: 32 bits on 64 too. */
export function runsNatively(platform: Platform): boolean {
  const host = hostPlatform();
  if (matchesPlatform(host, platform)) return true;
  return host.os === platform.os && host.architecture === 'amd64' && platform.architecture === '386';
}

/** This machine's own platform first, then those whose programs run here too, whatever is in the container. */
export function runnablePlatforms(): readonly Platform[] {
  const host = hostPlatform();
  const handlers = (readBinaryHandlers() ?? []).filter(({ enabled, held }) => enabled && held);
  const others = [...QEMU_NAMES.keys()]
    .filter((architecture) => architecture !== host.architecture)
    .map((architecture) => ({ os: 'linux', architecture }))
    .filter((platform) => runsNatively(platform) || isEmulated(platform, handlers));
  const levels = x86Levels().map((variant) => ({ ...host, variant }));
  return [host, ...levels, ...others.flatMap(withVariants)];
}

function isEmulated({ architecture }: Platform, handlers: readonly BinaryHandler[]): boolean {
  const head = programHead(architecture);
  return head !== undefined && handlers.some((handler) => handler.matches('', head));
}

/** The older variant is named too, for clients that look for it; the newer one needs no name. */
function withVariants(platform: Platform): readonly Platform[] {
  return platform.architecture === 'arm' ? [platform, { ...platform, variant: 'v6' }] : [platform];
}

/** Programs that another kernel of the same machine would run: whether ours does, only trying tells. */
export function mayRunNatively(architecture: string): boolean {
  const host = hostPlatform();
  if (host.architecture === 'arm64' && architecture === 'arm') return true;
  return runsNatively({ os: host.os, architecture });
}

/** Why a program does not run that no handler is usable for, and what to do. */
export function missingEmulator(
  architecture: string | undefined,
  handlers: readonly BinaryHandler[],
): string {
  const host = platformText(hostPlatform());
  const what = architecture === undefined ? 'another machine' : `linux/${architecture}`;
  return (
    `it is a program for ${what}, this machine is ${host}, and ${problemOf(architecture, handlers)}, ` +
    `or use an image for ${host}`
  );
}

function problemOf(architecture: string | undefined, handlers: readonly BinaryHandler[]): string {
  const [disabled] = handlers.filter(({ enabled }) => !enabled);
  const [outside] = handlers.filter(({ enabled }) => enabled);
  if (outside)
    return (
      `its emulator ${outside.interpreter} is not in the container, where the kernel looks for it, as it is ` +
      `registered (${outside.name}) without the flag F; register it with that flag, as Debian's qemu-user-binfmt does`
    );
  if (disabled)
    return `its emulator is registered (${disabled.name}), but disabled; enable it with ${enableCommand(disabled)}`;
  return `no emulator for it is registered with the kernel; ${registerHint(architecture)}`;
}

/** The command that enables a handler, since it may be off itself or all may be. */
function enableCommand({ name }: BinaryHandler): string {
  return `${mountFirst()}echo 1 | tee ${BINFMT_MISC}/status ${BINFMT_MISC}/${name}`;
}

function registerHint(architecture: string | undefined): string {
  const name = QEMU_NAMES.get(architecture ?? '');
  const registration = `/usr/lib/binfmt.d/qemu-${name}.conf`;
  if (name === undefined || !existsSync(registration))
    return 'install one (Debian: apt-get install qemu-user-binfmt)';
  if (existsSync('/run/systemd/system'))
    return 'one is installed, so register it with systemctl restart systemd-binfmt';
  return `one is installed, so register it with ${mountFirst()}cat ${registration} >${BINFMT_MISC}/register`;
}

function mountFirst(): string {
  return isBinfmtMounted() ? '' : `mount -t binfmt_misc none ${BINFMT_MISC} && `;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { hostPlatform, matchesPlatform, parsePlatform, type Platform } from '#oci/platform.ts';

const BINFMT = '/proc/sys/fs/binfmt_misc';
/** Go's names of architectures, and qemu's. */
const QEMU_NAMES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  386: 'i386',
  arm64: 'aarch64',
  arm: 'arm',
  riscv64: 'riscv64',
  ppc64le: 'ppc64le',
  s390x: 's390x',
  mips64le: 'mips64el',
  loong64: 'loongarch64',
};

/** True if this machine's kernel runs such programs itself: 32 bits on 64 too. */
export function runsNatively(platform: Platform): boolean {
  const host = hostPlatform();
  if (matchesPlatform(host, platform)) return true;
  return host.os === platform.os && host.architecture === 'amd64' && platform.architecture === '386';
}

/**
 * Checks that programs of another platform run here: an emulator must be registered with the kernel (binfmt_misc), and
 * held open by it (flag F), for there is none in the container.
 *
 * @throws {EngineError} `unavailable` with what to install
 */
export function resolveEmulation(text: string): void {
  const platform = parsePlatform(text);
  if (runsNatively(platform)) return;
  const name = QEMU_NAMES[platform.architecture];
  const state = name === undefined ? 'absent' : handlerState(`qemu-${name}`);
  if (state === 'usable') return;
  const problem = {
    absent: `no emulator for it is registered with the kernel; on Debian, install qemu-user-binfmt`,
    disabled: `its emulator is registered with the kernel, but disabled`,
    outside: `its emulator is registered without the flag F, and is not in the container; on Debian, install qemu-user-static`,
  }[state];
  throw new EngineError('unavailable', `Cannot run a command of platform ${text}: ${problem}`);
}

/** This machine's own platform first, then those whose programs run here too. */
export function runnablePlatforms(): readonly Platform[] {
  const host = hostPlatform();
  const others = Object.entries(QEMU_NAMES).flatMap(([architecture, name]) => {
    const platform = { os: 'linux', architecture };
    const runs = runsNatively(platform) || handlerState(`qemu-${name}`) === 'usable';
    return runs && architecture !== host.architecture ? [platform] : [];
  });
  return [host, ...others];
}

type HandlerState = 'usable' | 'absent' | 'disabled' | 'outside';

/** Registered under other names too, by whoever did it. */
function handlerState(name: string): HandlerState {
  const states = handlers()
    .filter((handler) => handler === name || handler.startsWith(`${name}-`) || handler === `${name}_static`)
    .map(stateOf);
  return states.find((state) => state === 'usable') ?? states[0] ?? 'absent';
}

function handlers(): readonly string[] {
  try {
    return readdirSync(BINFMT);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return [];
    throw error;
  }
}

/** Documentation/admin-guide/binfmt-misc.rst */
function stateOf(handler: string): HandlerState {
  const text = readFileSync(join(BINFMT, handler), 'utf8');
  if (!text.startsWith('enabled')) return 'disabled';
  return /^flags: .*F/m.test(text) ? 'usable' : 'outside';
}

import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fieldsOf } from '#base/json.ts';
import type { RuntimeSeccomp, RuntimeSyscallRule } from '#oci/runtime-spec.ts';
import { containerError } from '../container-errors.ts';
import { asStrictAsDocker } from './seccomp-docker.ts';
import type { Condition, ProfileFile, ProfileRule } from './seccomp-file.ts';

/** Where Debian's golang-github-containers-common puts the default profile. */
const DEFAULT_SECCOMP_PATH = '/usr/share/containers/seccomp.json';

/**
 * Which system calls a container may make. The profile says it in terms of capabilities, architecture and kernel;
 * each container's own filter is compiled from it.
 */
export interface SeccompProfile {
  /** The filter for a container with these capabilities; equal sets give the same object. */
  compile(capabilities: readonly string[]): RuntimeSeccomp;
}

/** The machine as profiles see it; a parameter for the sake of tests. */
export interface SeccompHost {
  /** Go's name: `amd64`, `arm64`. */
  readonly architecture: string;
  /** The release that uname(2) gives. */
  readonly kernelRelease: string;
}

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

function thisHost(): SeccompHost {
  return {
    architecture: GO_ARCHITECTURES[process.arch] ?? process.arch,
    kernelRelease: release(),
  };
}

/** libseccomp's names of the architectures that Go names so. */
const NATIVE: Readonly<Record<string, string>> = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
  arm: 'SCMP_ARCH_ARM',
  '386': 'SCMP_ARCH_X86',
  riscv64: 'SCMP_ARCH_RISCV64',
  s390x: 'SCMP_ARCH_S390X',
  ppc64le: 'SCMP_ARCH_PPC64LE',
};

/**
 * Reads a profile in the format of Docker and containers-common (`includes`, `excludes`, `archMap`); a plain OCI
 * filter is one without conditions.
 *
 * @throws {EngineError} `seccomp-malformed`
 */
export function parseSeccompProfile(text: string, host: SeccompHost = thisHost()): SeccompProfile {
  return compiler(decode(text), host);
}

function compiler(file: ProfileFile, host: SeccompHost): SeccompProfile {
  const compiled = new Map<string, RuntimeSeccomp>();
  return {
    compile(capabilities) {
      const key = capabilities.join();
      const known = compiled.get(key);
      if (known) return known;
      const filter = compile(file, new Set(capabilities), host);
      compiled.set(key, filter);
      return filter;
    },
  };
}

/**
 * The default profile: the file's, where Docker's own is stricter or knows newer calls corrected to it.
 *
 * @throws {EngineError} `seccomp-missing`, `seccomp-malformed`
 */
export function loadSeccompProfile(path: string = DEFAULT_SECCOMP_PATH): SeccompProfile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw containerError('seccomp-missing', { subject: path, cause });
  }
  return compiler(asStrictAsDocker(decode(text)), thisHost());
}

function decode(text: string): ProfileFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw containerError('seccomp-malformed', { details: { problem: String(cause) }, cause });
  }
  if (!isProfile(value)) {
    throw containerError('seccomp-malformed', { details: { problem: 'not a seccomp profile' } });
  }
  return value;
}

function isProfile(value: unknown): value is ProfileFile {
  const { defaultAction, syscalls } = fieldsOf(value);
  if (typeof defaultAction !== 'string') return false;
  return syscalls === null || syscalls === undefined || (Array.isArray(syscalls) && syscalls.every(isRule));
}

function isRule(value: unknown): boolean {
  const { action, names, name } = fieldsOf(value);
  return typeof action === 'string' && (Array.isArray(names) || name !== undefined);
}

function compile(file: ProfileFile, capabilities: ReadonlySet<string>, host: SeccompHost): RuntimeSeccomp {
  const rules = (file.syscalls ?? []).filter(
    (rule) => !excluded(rule.excludes, capabilities, host) && included(rule.includes, capabilities, host),
  );
  const architectures = architecturesOf(file, host);
  return {
    defaultAction: file.defaultAction,
    ...(file.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: file.defaultErrnoRet }),
    ...(architectures.length > 0 ? { architectures } : {}),
    ...(file.flags && file.flags.length > 0 ? { flags: file.flags } : {}),
    syscalls: rules.map(compileRule),
  };
}

function architecturesOf(file: ProfileFile, host: SeccompHost): readonly string[] {
  if (file.architectures && file.architectures.length > 0) return file.architectures;
  const native = NATIVE[host.architecture];
  const entry = file.archMap?.find(({ architecture }) => architecture === native);
  return entry ? [entry.architecture, ...(entry.subArchitectures ?? [])] : [];
}

function included(condition: Condition = {}, capabilities: ReadonlySet<string>, host: SeccompHost): boolean {
  if (condition.arches?.length && !condition.arches.includes(host.architecture)) return false;
  if (condition.caps && !condition.caps.every((name) => capabilities.has(name))) return false;
  return !condition.minKernel || atLeast(host.kernelRelease, condition.minKernel);
}

function excluded(condition: Condition = {}, capabilities: ReadonlySet<string>, host: SeccompHost): boolean {
  if (condition.arches?.includes(host.architecture)) return true;
  if (condition.caps?.some((name) => capabilities.has(name))) return true;
  return Boolean(condition.minKernel) && atLeast(host.kernelRelease, condition.minKernel ?? '');
}

/** Compares major and minor: profiles name no more. */
function atLeast(kernelRelease: string, minimum: string): boolean {
  const [major = 0, minor = 0] = kernelRelease.split(/[.-]/, 2).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = minimum.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function compileRule(rule: ProfileRule): RuntimeSyscallRule {
  return {
    names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args && rule.args.length > 0 ? { args: rule.args } : {}),
  };
}

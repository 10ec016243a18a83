import { join } from 'node:path';
import type { TerminalSize } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import type { MemoryWatch } from './monitor.ts';
import type { RuntimeFiles, TerminalRequest } from './supervisor.ts';

type RuntimeContext = Pick<ContainerContext, 'runtime' | 'program' | 'paths' | 'cgroupLayout' | 'defaults'>;

/** Below the root of every cgroup hierarchy. */
export function cgroupPathOf(
  { defaults }: Pick<ContainerContext, 'defaults'>,
  container: ManagedContainer,
): string {
  return join('/', container.spec.limits.cgroupParent ?? defaults.cgroupParent, container.id);
}

/** `run`; with `keep` the ended container stays until it is deleted. */
export function runCommand(
  context: RuntimeContext,
  id: string,
  files: RuntimeFiles,
  keep: boolean,
): readonly string[] {
  return [
    ...globalArguments(context, files.log),
    'run',
    ...(keep ? ['--keep'] : []),
    ...processArguments(files),
    '--bundle',
    context.paths.bundle(id),
    id,
  ];
}

/** `crun exec`, with a process file in the exec's directory. */
export function execCommand(
  context: RuntimeContext,
  containerId: string,
  processFile: string,
  files: RuntimeFiles,
): readonly string[] {
  const global = globalArguments(context, files.log);
  return [...global, 'exec', ...processArguments(files), '--process', processFile, containerId];
}

/** Where a process has its terminal from: runc hands none over unless it is detached, and then nobody learns of its exit. */
export function terminalOf(
  { runtime }: Pick<RuntimeContext, 'runtime'>,
  { terminal, terminalSize: size }: { readonly terminal: boolean; readonly terminalSize?: TerminalSize },
): TerminalRequest | undefined {
  if (!terminal) return undefined;
  return runtime.name === 'crun' ? { from: 'runtime' } : { from: 'engine', ...(size && { size }) };
}

/** Any other subcommand. */
export function runtimeArguments(
  { paths }: Pick<RuntimeContext, 'paths'>,
  ...args: readonly string[]
): string[] {
  return [`--root=${paths.runtime}`, ...args];
}

function globalArguments({ program, paths }: RuntimeContext, log: string): readonly string[] {
  return [program.path, `--root=${paths.runtime}`, `--log=${log}`, '--log-format=json'];
}

function processArguments({ pidFile, consoleSocket }: RuntimeFiles): readonly string[] {
  const terminal = consoleSocket === undefined ? [] : ['--console-socket', consoleSocket];
  return ['--pid-file', pidFile, ...terminal];
}

/**
 * Where to look whether the kernel killed a container for want of memory. Undefined where it has no limit of its own.
 */
export function memoryWatchOf(context: RuntimeContext, container: ManagedContainer): MemoryWatch | undefined {
  const { cgroupLayout, runtime, paths } = context;
  if (container.spec.limits.memoryBytes === undefined) return undefined;
  const isUnified = cgroupLayout.mode === 'v2';
  const root = isUnified ? cgroupLayout.unifiedPath : cgroupLayout.v1Controllers.get('memory');
  if (root === undefined) return undefined;
  const file = isUnified ? 'memory.events' : 'memory.oom_control';
  return {
    file: join(root, cgroupPathOf(context, container), file),
    runtime: runtime.path,
    runtimeRoot: paths.runtime,
    containerId: container.id,
  };
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerContext, InstalledRuntime } from '../context.ts';
import type { ManagedContainer } from '../run/managed-container.ts';

/** What `docker run --runtime` and other engines' configurations call them. */
const RUNTIME_NAMES: Readonly<Record<string, InstalledRuntime['name']>> = {
  crun: 'crun',
  runc: 'runc',
  'io.containerd.runc.v2': 'runc',
};

/** What each runtime keeps of a container in its state's directory. */
const STATE_FILES: Readonly<Record<InstalledRuntime['name'], string>> = {
  crun: 'status',
  runc: 'state.json',
};

/** The context with the runtime that a container asks for, where that is installed. */
export function withRuntimeFor(context: ContainerContext, { spec }: ManagedContainer): ContainerContext {
  return withRuntime(context, RUNTIME_NAMES[spec.runtime ?? '']);
}

/** The context with the runtime that a container runs by: a former daemon may have had another one. */
export function withRuntimeOf(context: ContainerContext, id: string): ContainerContext {
  const { otherRuntime, paths } = context;
  if (!otherRuntime || !existsSync(join(paths.runtime, id, STATE_FILES[otherRuntime.name]))) return context;
  return withRuntime(context, otherRuntime.name);
}

function withRuntime(
  context: ContainerContext,
  name: InstalledRuntime['name'] | undefined,
): ContainerContext {
  const { otherRuntime, otherProgram } = context;
  if (!otherRuntime || !otherProgram || otherRuntime.name !== name) return context;
  return { ...context, runtime: otherRuntime, program: otherProgram };
}

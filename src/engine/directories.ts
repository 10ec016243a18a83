import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EngineOptions } from './options.ts';

const STANDARD_RUN = '/run/caisson';
/** Below the run directory: where the roots of containers are mounted. */
export const RUN_SNAPSHOTS = 'snapshots';
/** Below the run directory: what networks keep; it is how bridges know their engine. */
export const RUN_NETWORKS = 'networks';
/** All directories below the run directory. */
export const RUN_PARTS = ['layers', RUN_SNAPSHOTS, 'containers', RUN_NETWORKS] as const;

/** Where one engine keeps what. Two engines share nothing as long as root and run differ. */
export interface EngineDirectories {
  readonly root: string;
  readonly run: string;
  readonly content: string;
  readonly layers: string;
  readonly snapshots: string;
  readonly containers: string;
  readonly volumes: string;
  readonly builds: string;
  readonly runLayers: string;
  readonly runSnapshots: string;
  readonly runContainers: string;
  readonly runNetworks: string;
}

export function engineDirectories(options: EngineOptions): EngineDirectories {
  const root = resolve(options.root);
  const run = resolve(options.run ?? STANDARD_RUN);
  return {
    root,
    run,
    content: join(root, 'content'),
    layers: join(root, 'layers'),
    snapshots: join(root, 'snapshots'),
    containers: join(root, 'containers'),
    volumes: join(root, 'volumes'),
    builds: join(root, 'builds'),
    runLayers: join(run, 'layers'),
    runSnapshots: join(run, RUN_SNAPSHOTS),
    runContainers: join(run, 'containers'),
    runNetworks: join(run, RUN_NETWORKS),
  };
}

/** Makes root and run directory where they are missing, before they are locked; data is root's alone, as in Docker. */
export function makeRootAndRun({ root, run }: EngineDirectories): void {
  mkdirSync(root, { recursive: true, mode: 0o710 });
  mkdirSync(run, { recursive: true, mode: 0o711 });
}

export function makeDirectories(directories: EngineDirectories): void {
  for (const path of Object.values(directories)) mkdirSync(path, { recursive: true, mode: 0o710 });
}

/** Instead of the name of a bridge: there is none. */
export const NO_BRIDGE = 'none';

/** Names of host-wide objects: the fixed ones for the standard run directory, derived ones for any other. */
export function hostNames(options: EngineOptions): { readonly bridge: string; readonly table: string } {
  const run = resolve(options.run ?? STANDARD_RUN);
  const named = options.bridge === NO_BRIDGE ? undefined : options.bridge;
  if (run === STANDARD_RUN) return { bridge: named ?? 'caisson0', table: 'caisson' };
  const suffix = createHash('sha256').update(run).digest('hex').slice(0, 8);
  return { bridge: named ?? `csn${suffix}`, table: `caisson_${suffix}` };
}

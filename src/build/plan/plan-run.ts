/** RUN as a vertex. */
import type { Platform } from '#oci/platform.ts';
import { type Allowed, allowedSettings } from './entitlements.ts';
import type { ExecVertex, FileSource } from '../definition/vertex.ts';
import { shellOf, workingDirectoryOf } from '#dockerfile/change-config.ts';
import type { Dockerfile, RunInstruction } from '#dockerfile/ast.ts';
import { expand } from '#dockerfile/words/expand.ts';
import { parseMountOptions } from '#dockerfile/instructions/mount-options.ts';
import { runScript } from '#dockerfile/run-script.ts';
import { formatPlatform, proxyVariables, type StageScope } from '#dockerfile/stages/scopes.ts';
import { runsNatively } from '#container/program/emulation.ts';
import type { ExecMount } from '../definition/exec-mount.ts';
import type { PlannedImage } from './plan.ts';
import { planMounts } from './plan-mounts.ts';

export interface RunPlace {
  /** The image before the instruction. */
  readonly image: PlannedImage;
  readonly scope: StageScope;
  readonly platform: Platform;
  /** Arguments that the client gives. */
  readonly buildArgs: ReadonlyMap<string, string>;
  /** The file's escape character. */
  readonly escape: Dockerfile['escape'];
  readonly allowed: Allowed;
  /** What a name stands for; undefined: the context. */
  readonly sourceOf: (from: string | undefined) => FileSource;
}

export interface PlannedRun {
  readonly vertex: ExecVertex;
  /** The line of the history, in BuildKit's form. */
  readonly createdBy: string;
}

/** @throws {EngineError} `invalid` for mounts that cannot be, and for what the client does not allow */
export function planRun(instruction: RunInstruction, place: RunPlace): PlannedRun {
  const { image, scope, platform, buildArgs } = place;
  const { argv, script } = runScript(instruction.command, shellOf(image.config));
  const { variables } = scope;
  const proxies = [...proxyVariables(buildArgs)].filter(([name]) => !variables.has(name));
  const hostname = buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME');
  const mounts = [...mountsOf(instruction, place), ...(script ? [scriptMount(script)] : [])];
  const vertex: ExecVertex = {
    kind: 'exec',
    parent: image.vertex,
    argv,
    env: [...variables].map(pairText),
    proxies: proxies.map(pairText),
    workingDirectory: workingDirectoryOf(image.config),
    user: image.config.User ?? '',
    settings: allowedSettings(instruction, place.allowed),
    ...(mounts.length > 0 && { mounts }),
    ...(!runsNatively(platform) && { platform: formatPlatform(platform) }),
    ...(hostname !== undefined && hostname !== '' && { hostname }),
  };
  return { vertex, createdBy: `RUN ${scope.historyPrefix()}${argv.join(' ')} # buildkit` };
}

function mountsOf(
  { mounts }: RunInstruction,
  { image, scope, escape, sourceOf }: RunPlace,
): readonly ExecMount[] {
  const expandValue = (value: string) => expand(value, scope.variables, { escape }).text;
  const options = mounts.map((text) => parseMountOptions(text, expandValue));
  return planMounts(options, { workingDirectory: workingDirectoryOf(image.config), sourceOf });
}

function scriptMount({ path, content }: { readonly path: string; readonly content: string }): ExecMount {
  return { kind: 'script', target: path, content };
}

function pairText([name, value]: readonly [string, string]): string {
  return `${name}=${value}`;
}

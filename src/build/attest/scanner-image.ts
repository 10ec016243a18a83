/**
 * Scanners that are images, by BuildKit's SBOM scanning protocol (moby/buildkit, docs/attestations/sbom-protocol.md):
 * a scanner is told by variables where it finds the file systems, which it cannot change, and where its statements go.
 */
import { EngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import type { CopyVertex, ExecVertex, Vertex } from '../definition/vertex.ts';
import type { BindMount } from '../definition/exec-mount.ts';
import type { Plan } from '../plan/plan.ts';
import { withPath } from '../plan/default-path.ts';

/** Without the slash. */
export const STATEMENTS_DIRECTORY = 'run/out';

const CORE = '/run/src/core/sbom';
const EXTRAS = '/run/src/extras';

export interface ScannerImage {
  /** As the client calls it. */
  readonly name: string;
  readonly record: ImageRecord;
  /** The scanner gets them as they are. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The command of a scanner on the result of a plan; what it writes is in the layer that it makes.
 *
 * @throws {EngineError} `invalid` for an image without a command
 */
export function scannerVertex(
  { name, record, parameters }: ScannerImage,
  { result, scanTargets }: Plan,
  settings: ExecVertex['settings'],
): ExecVertex {
  const { Entrypoint, Cmd, Env, WorkingDir } = withPath(record.config.config);
  const argv = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (argv.length === 0)
    throw new EngineError(
      'invalid',
      `Cannot list packages with ${name}: the image has neither an entrypoint nor a command`,
    );
  const extras = scanTargets.map((target) => readOnly(`${EXTRAS}/sbom-${target.name}`, target.vertex));
  const variables = {
    DESTINATION: `/${STATEMENTS_DIRECTORY}/`,
    SOURCE: CORE,
    ...(extras.length > 0 && { SOURCE_EXTRAS: `${EXTRAS}/` }),
    ...parameters,
  };
  return {
    kind: 'exec',
    parent: withDirectory({ kind: 'base', layers: record.layers }, `/${STATEMENTS_DIRECTORY}/`),
    argv,
    env: [
      ...(Env ?? []),
      ...Object.entries(variables).map(([key, value]) => `BUILDKIT_SCAN_${key}=${value}`),
    ],
    proxies: [],
    workingDirectory: WorkingDir || '/',
    user: '',
    settings,
    mounts: [{ kind: 'tmpfs', target: '/tmp', sizeBytes: 0 }, readOnly(CORE, result.vertex), ...extras],
  };
}

function withDirectory(parent: Vertex, destination: string): CopyVertex {
  return { kind: 'copy', parent, files: [], destination };
}

function readOnly(target: string, source: Vertex): BindMount {
  return { kind: 'bind', target, source, path: '/', writable: false };
}

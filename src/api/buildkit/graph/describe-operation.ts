/** Operations as provenance tells them: messages in BuildKit's JSON (solver/pb of moby/buildkit). */
import { withoutCredentials } from '#build/attest/materials.ts';
import type { GraphOperation } from '#build/graph/graph.ts';
import type { FileAction, MountMessage, Op, SourceOp } from '#wire/buildkit/ops.ts';

export function describeOperation(op: Op): ReturnType<GraphOperation['describe']> {
  const platform = op.platform && plain(op.platform);
  return { Op: workOf(op), ...(platform && { platform }), constraints: {} };
}

function workOf({ exec, source, file, build, merge, diff }: Op): object {
  if (exec) {
    const { meta, mounts, devices: _, ...rest } = exec;
    // Proxies are left out, since passwords are in their URLs.
    const command = { meta: plain({ ...meta, proxyEnv: undefined }), mounts: mounts.map(mountOf) };
    return { exec: { ...command, ...plain(rest) } };
  }
  if (source) return { source: sourceOf(source) };
  if (file) return { file: { actions: file.actions.map(actionOf) } };
  if (merge) return { merge: { inputs: merge.inputs } };
  if (diff) return { diff: { lower: diff.lower ?? {}, upper: diff.upper ?? {} } };
  return build ? { build: {} } : {};
}

function sourceOf({ identifier, attrs }: SourceOp): object {
  const told = [...attrs].map(([name, value]) => [name, withoutCredentials(value)] as const);
  return plain({ identifier: withoutCredentials(identifier), attrs: new Map(told) });
}

function mountOf({ input, output, dest, tmpfs, cache, secret, ssh, ...rest }: MountMessage): object {
  const options = { TmpfsOpt: tmpfs, cacheOpt: cache, secretOpt: secret, SSHOpt: ssh };
  return { input, output, dest, ...plain(rest), ...plain(options) };
}

function actionOf({ input, secondaryInput, output, ...kinds }: FileAction): object {
  const [name = '', action = {}] = Object.entries(kinds).find(([, value]) => value !== undefined) ?? [];
  const { attemptUnpack, ...fields }: Record<string, unknown> = { ...action };
  const unpacked = attemptUnpack === true ? { attemptUnpackDockerCompatibility: true } : {};
  return { input, secondaryInput, output, Action: { [name]: { ...plain(fields), ...unpacked } } };
}

/** Writes a message as Go does: fields with proto3's default are left out, bytes are base64. */
function plain(message: object): object {
  const fields = Object.entries(message).flatMap(([name, value]: [string, unknown]) => {
    const written = plainValue(value);
    return written === undefined ? [] : [[name, written] as const];
  });
  return Object.fromEntries(fields);
}

function plainValue(value: unknown): unknown {
  if (value === 0n || value === 0 || value === '' || value === false || value === undefined) return undefined;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array)
    return value.length === 0 ? undefined : Buffer.from(value).toString('base64');
  if (value instanceof Map) return value.size === 0 ? undefined : Object.fromEntries(value);
  if (Array.isArray(value))
    return value.length === 0 ? undefined : value.map((each: unknown) => plainValue(each) ?? each);
  return typeof value === 'object' && value !== null ? plain(value) : value;
}

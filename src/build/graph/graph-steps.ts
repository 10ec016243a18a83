/** A client's graph as provenance tells it: its operations as they were given (solver/pb of moby/buildkit, in JSON). */
import type { FileAction, MountMessage, Op, SourceOp } from '#wire/buildkit/ops.ts';
import type { BuildStep } from '../attest/build-definition.ts';
import { withoutCredentials } from '../attest/materials.ts';
import type { Graph } from './graph.ts';

/** What others stand on comes first; the last is the result. */
export function graphSteps({ operations, result }: Graph): readonly BuildStep[] {
  const ids = new Map(operations.map((operation, index) => [operation, `step${index}`] as const));
  const output = ({ operation, index }: NonNullable<typeof result>) => `${ids.get(operation)}:${index}`;
  const steps = operations.map((operation): BuildStep => {
    const { op, inputs } = operation;
    const platform = op.platform && plain(op.platform);
    return {
      id: ids.get(operation) ?? '',
      op: { Op: operationOf(op), ...(platform && { platform }), constraints: {} },
      ...(inputs.length > 0 && { inputs: inputs.map(output) }),
    };
  });
  const last = result ? { inputs: [output(result)] } : {};
  return [...steps, { id: `step${steps.length}`, op: { Op: null }, ...last }];
}

function operationOf({ exec, source, file, build, merge, diff }: Op): object {
  if (exec) {
    const { meta, mounts, devices: _, ...rest } = exec;
    // Proxies are nobody's business: passwords are in their URLs.
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

/** As Go writes messages: what has the value of proto3 is left out, bytes are base64. */
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

/** `type=oci` and `type=docker`: the image as an archive or, with `tar=false`, as a tree. */
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Exported, epochOf, namesOf, type OneExport } from './one-export.ts';
import { sendFile, sendTree } from './send-to-client.ts';
import { tarOfTree, treeOfFiles } from './export-tree.ts';
import { layoutFiles } from './layout.ts';
import type { PackedArtifact } from './pack/pack-artifact.ts';
import { finishResult, packResult, responseOf } from './pack/pack-result.ts';

const SECOND_NS = 1_000_000_000n;

export async function exportLayout(one: OneExport): Promise<Exported> {
  const { work, outcome, output, attributes, task } = one;
  const forDocker = output.type === 'docker';
  if (forDocker && outcome.isMultiPlatform)
    throw new EngineError('invalid', 'docker exporter does not currently support exporting manifest lists');
  const names = namesOf(one);
  task.moves({ id: 'exporting layers' });
  const packed = await packResult(one, await finishResult(one, true), {
    names,
    defaultsToOci: !forDocker,
    attachInline: attributes.flag('attestation-inline') ?? false,
  });
  task.moves({ id: 'exporting layers', isDone: true });
  const artifact = { ...packed, descriptor: withCreated(packed) };
  task.moves({ id: `exporting manifest ${artifact.descriptor.digest}`, isDone: true });
  const files = layoutFiles(artifact, work.packing.content, { names, forDocker });
  // The layout does not depend on when it is made.
  const tree = treeOfFiles(files, BigInt(epochOf(one) ?? 0) * SECOND_NS);
  if (attributes.flag('tar') ?? true) await sendFile(one, 'sending tarball', tarOfTree(tree));
  else await sendTree(one, 'copying files', tree);
  return { references: [], response: responseOf(artifact, names) };
}

/** Clients that keep layouts themselves take it from the answer. */
function withCreated({ descriptor, images }: PackedArtifact): Descriptor {
  const created = images[0]?.image.config.created;
  if (created === undefined) return descriptor;
  const annotations = { ...descriptor.annotations, 'org.opencontainers.image.created': created };
  return { ...descriptor, annotations };
}

/** `type=local` and `type=tar`: the files of the result. */
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { combineTrees } from './combined-tree.ts';
import { type Exported, epochOf, type OneExport } from './one-export.ts';
import { sendFile, sendTree } from './send-to-client.ts';
import { tarOfTree } from './export-tree.ts';
import { openRootTree } from './root-tree.ts';

const SECOND_NS = 1_000_000_000n;
const MILLISECOND_NS = 1_000_000n;

export async function exportFiles(one: OneExport): Promise<Exported> {
  const { work, outcome, output, attributes } = one;
  const epoch = epochOf(one);
  const isSplit = attributes.flag('platform-split') ?? outcome.isMultiPlatform;
  using stack = new DisposableStack();
  const trees = outcome.images.map(({ platform, layers, attestations }) => ({
    tree: stack.use(openRootTree(work.trees, layers, epoch)),
    name: formatPlatform(platform).replaceAll('/', '_'),
    attestations: attestations.filter(({ inlineOnly }) => !inlineOnly),
  }));
  const tree = combineTrees(trees, {
    isSplit,
    attestationPrefix: attributes.text('attestation-prefix') ?? '',
    modifiedNs: epoch === undefined ? BigInt(Date.now()) * MILLISECOND_NS : BigInt(epoch) * SECOND_NS,
  });
  if (output.type === 'tar') await sendFile(one, 'sending tarball', tarOfTree(tree));
  else await sendTree(one, 'copying files', tree);
  return { references: [], response: {} };
}

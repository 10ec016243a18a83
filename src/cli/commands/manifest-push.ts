import { pushIndex } from '#client/manifests.ts';
import { canonicalName, parseReference } from '#oci/reference.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { canonical, insecureFlag, noSuchList } from '../manifest/manifest-commands.ts';
import { encodeList, type ManifestEntry } from '../manifest/manifest-entry.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';
import { registryAuthHeader } from '../registry-credentials.ts';

export const command = defineCommand({
  summary: 'Push a manifest list to a repository',
  usage: ['[OPTIONS] MANIFEST_LIST'],
  operands: { min: 1, max: 1 },
  examples: ['caisson manifest push --purge me/app:1'],
  flags: {
    insecure: insecureFlag,
    purge: booleanFlag('Remove the local manifest list after push', { short: 'p' }),
  },
  run: async (context, { flags, operands: [list = ''] }) => {
    const store = new ManifestStore(context);
    const target = canonical(list);
    const entries = store.list(target);
    if (!entries || entries.length === 0) throw noSuchList(list);
    const { mediaType, text } = encodeList(entries);
    const index = {
      MediaType: mediaType,
      Raw: Buffer.from(text).toString('base64'),
      Sources: entries.map(sourceOf),
    };
    const { Digest, Copied } = await pushIndex(context.client, target, index, {
      headers: registryAuthHeader(context, target),
      insecure: flags.insecure,
    });
    for (const copied of Copied)
      context.print(`Pushed ref ${copied} with digest: ${copied.slice(copied.indexOf('@') + 1)}`);
    if (flags.purge) store.remove(target);
    context.print(Digest);
    return 0;
  },
});

function sourceOf({ Ref, Descriptor }: ManifestEntry): string {
  return `${canonicalName(parseReference(Ref))}@${Descriptor.digest}`;
}

import { defineCommand, MANY } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { canonical, fetchManifest, insecureFlag } from '../manifest/manifest-commands.ts';
import { entryOf, isList } from '../manifest/manifest-entry.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Create a local manifest list for annotating and pushing to a registry',
  usage: ['MANIFEST_LIST MANIFEST [MANIFEST...]'],
  operands: { min: 2, max: MANY },
  examples: ['caisson manifest create me/app:1 me/app:1-amd64 me/app:1-arm64'],
  flags: {
    amend: booleanFlag('Amend an existing manifest list', { short: 'a' }),
    insecure: insecureFlag,
  },
  run: async (context, { flags, operands: [list = '', ...names] }) => {
    const store = new ManifestStore(context);
    const target = canonical(list);
    if (store.list(target) && !flags.amend)
      throw new ExitError(1, 'refusing to amend an existing manifest list with no --amend flag');
    const entries = await Promise.all(
      names.map(async (name) => {
        const reference = canonical(name);
        const found = await fetchManifest(context, reference, flags.insecure);
        if (isList(found)) throw new ExitError(1, `${name} is a manifest list`);
        return entryOf(reference, found);
      }),
    );
    for (const entry of entries) store.save(target, entry.Ref, entry);
    context.print(`Created manifest list ${target}`);
    return 0;
  },
});

import { defineCommand, MANY } from '../command.ts';
import { canonical } from '../manifest/manifest-commands.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';

export const command = defineCommand({
  summary: 'Delete one or more manifest lists from local storage',
  usage: ['MANIFEST_LIST [MANIFEST_LIST...]'],
  operands: { min: 1, max: MANY },
  examples: ['caisson manifest rm me/app:1'],
  flags: {},
  run: (context, { operands }) => {
    const store = new ManifestStore(context);
    const lists = operands.map(canonical);
    const missing = lists.filter((list) => store.list(list) === undefined);
    for (const list of lists) store.remove(list);
    for (const list of missing) context.say(`No such manifest: ${list}`);
    return Promise.resolve(missing.length === 0 ? 0 : 1);
  },
});

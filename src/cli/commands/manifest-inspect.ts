import { canonicalName, canonicalReference, parseReference } from '#oci/reference.ts';
import type { ManifestInspect } from '#wire/manifest.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { booleanFlag } from '../flag.ts';
import { indentJson } from '../template/json-text.ts';
import { canonical, fetchManifest, insecureFlag, noSuchList } from '../manifest/manifest-commands.ts';
import {
  encodeList,
  entryOf,
  type EntryDescriptor,
  isList,
  type ManifestEntry,
  textOf,
} from '../manifest/manifest-entry.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';

export const command = defineCommand({
  summary: 'Display an image manifest, or manifest list',
  usage: ['[OPTIONS] [MANIFEST_LIST] MANIFEST'],
  operands: { min: 1, max: 2 },
  examples: ['caisson manifest inspect debian:trixie'],
  flags: {
    insecure: insecureFlag,
    verbose: booleanFlag('Output additional info including layers and platform', { short: 'v' }),
  },
  run: async (context, { flags, operands }) => {
    const [first = '', second] = operands.map(canonical);
    const store = new ManifestStore(context);
    if (second !== undefined) {
      const entry = store.entry(first, second);
      if (!entry) throw noSuchList(second);
      showEntry(context, entry, flags.verbose);
      return 0;
    }
    const local = store.list(first);
    if (local) showJson(context, flags.verbose ? local : undefined, encodeList(local).text);
    else await showRemote(context, first, flags);
    return 0;
  },
});

interface Shown {
  readonly insecure: boolean;
  readonly verbose: boolean;
}

async function showRemote(context: Context, reference: string, { insecure, verbose }: Shown): Promise<void> {
  const found = await fetchManifest(context, reference, insecure);
  if (!isList(found)) showEntry(context, entryOf(reference, found), verbose);
  else if (verbose) showJson(context, await entriesOf(context, reference, found, insecure), '');
  else showJson(context, undefined, listText(textOf(found.Raw)));
}

/** As it is where people can read it. */
function listText(text: string): string {
  return text.includes('\n') ? text : indentJson(text, '   ');
}

async function entriesOf(
  context: Context,
  reference: string,
  { Raw }: ManifestInspect,
  insecure: boolean,
): Promise<readonly ManifestEntry[]> {
  const { manifests }: { manifests: readonly EntryDescriptor[] } = JSON.parse(textOf(Raw));
  const { domain, path, tag } = parseReference(reference);
  const name = canonicalName({ domain, path });
  return await Promise.all(
    manifests.map(async ({ digest, platform }) => {
      const found = await fetchManifest(context, `${name}@${digest}`, insecure);
      const shown = canonicalReference({ domain, path, ...(tag ? { tag } : {}) });
      return entryOf(`${shown}@${digest}`, found, platform);
    }),
  );
}

function showEntry(context: Context, entry: ManifestEntry, verbose: boolean): void {
  showJson(context, verbose ? entry : undefined, indentJson(textOf(entry.Raw), '\t'));
}

function showJson(context: Context, value: unknown, text: string): void {
  context.print(value === undefined ? text : JSON.stringify(value, undefined, '\t'));
}

import type { NamedContext } from '#build/build.ts';
import { nameInLayout } from '#build/graph/source-names.ts';
import { layoutOfName } from '#build/bases/layout-image.ts';
import { type Definition, Op } from '#wire/buildkit/ops.ts';

const SCHEME = 'oci-layout://';

/**
 * The OCI layouts of the client's that a graph reads, by whatever names.
 *
 * @throws {EngineError} `invalid` for one without a digest
 */
export function layoutsIn({ def }: Definition): Readonly<Record<string, NamedContext>> {
  const names = def.flatMap((bytes) => {
    const { identifier = '', attrs } = Op.decode(bytes).source ?? {};
    return identifier.startsWith(SCHEME)
      ? [nameInLayout(identifier.slice(SCHEME.length), attrs?.get('oci.store'))]
      : [];
  });
  return Object.fromEntries(
    names.flatMap((name) => {
      const layout = layoutOfName(name);
      return layout ? [[name, layout] as const] : [];
    }),
  );
}

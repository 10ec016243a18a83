/** Attestations as clients write their wishes down: `mode=max,inline-only=true`, also in build arguments. */
import { parseCsvRecord } from '#syntax/csv-record.ts';
import type { BuildRequest } from '../build.ts';

type Attestations = NonNullable<BuildRequest['attestations']>;
type Wishes = Iterable<readonly [type: string, wish: string | Attestations[string]]>;

/** As BuildKit's: `BUILDKIT_ATTEST_SBOM=generator=…`. */
const PREFIX = 'BUILDKIT_ATTEST_';

/**
 * @param wishes by their types, in any case
 * @param buildArgs may ask as well. They win: clients ask for provenance without being told
 * @throws {EngineError} `invalid` for a wish that is no list
 */
export function wishedAttestations(wishes: Wishes, buildArgs: BuildRequest['buildArgs']): Attestations {
  const args = Object.entries(buildArgs).flatMap(([name, value]) =>
    name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), value ?? ''] as const] : [],
  );
  const all = new Map<string, Attestations[string]>();
  for (const [type, wish] of [...wishes, ...args])
    all.set(type.toLowerCase(), typeof wish === 'string' ? fieldsOf(wish) : wish);
  return Object.fromEntries([...all].filter(([, { disabled }]) => disabled !== 'true'));
}

function fieldsOf(text: string): Attestations[string] {
  const pairs = (text === '' ? [] : parseCsvRecord(text)).map(
    (pair) => [pair.split('=', 1)[0] ?? '', pair.replace(/^[^=]*=?/, '')] as const,
  );
  return Object.fromEntries(pairs);
}

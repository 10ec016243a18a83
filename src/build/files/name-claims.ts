import { EngineError } from '#base/errors.ts';
import { textOfBytes } from '#base/byte-text.ts';
import type { ByteName } from '#layer/layer-tree.ts';

interface Claim {
  readonly isDirectory: boolean;
  /** The source's place among all of the copy. */
  readonly source: number;
}

/** The names that the sources of one copy put files at: of two files with one name, the later source's counts. */
export class NameClaims {
  readonly #claims = new Map<ByteName, Claim>();

  /**
   * @throws {EngineError} `invalid` where one source has a directory of that name and another has something else
   */
  add(name: ByteName, claim: Claim): void {
    const former = this.#claims.get(name);
    if (former && former.isDirectory !== claim.isDirectory) throw cannotReplace(name, claim.isDirectory);
    this.#claims.set(name, claim);
  }

  isReplaced(name: ByteName, source: number): boolean {
    const claim = this.#claims.get(name);
    return claim !== undefined && !claim.isDirectory && claim.source !== source;
  }
}

/** BuildKit's words. */
export function cannotReplace(name: ByteName, isDirectory: boolean): EngineError {
  const path = `/${textOfBytes(Buffer.from(name, 'latin1'))}`;
  return new EngineError(
    'invalid',
    isDirectory ? `cannot copy to non-directory: ${path}` : `cannot replace to directory ${path} with file`,
  );
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compileIgnore, type IgnoreMatcher } from '#oci/ignore.ts';
import type { IgnoredJob } from './file-jobs.ts';

/** The paths that are ignored. A directory that is ignored with all that is in it is one path. */
export function findIgnored({ root, ignore }: IgnoredJob): readonly string[] {
  return ignoredBelow(root, '', compileIgnore(ignore));
}

function ignoredBelow(root: string, path: string, matcher: IgnoreMatcher): readonly string[] {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const name = path === '' ? entry.name : `${path}/${entry.name}`;
    if (!entry.isDirectory()) return matcher.matches(name) ? [name] : [];
    return matcher.canSkip(name) ? [name] : ignoredBelow(root, name, matcher);
  });
}

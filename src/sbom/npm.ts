/** npm's lockfiles: `package-lock.json` of any version, and the one that an installation leaves. */
import { JsonShape } from '#oci/json-shape.ts';
import { isEngineError } from '#base/errors.ts';
import { textSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';
import type { PackageEntry } from './sbom.ts';

const MAXIMUM_BYTES = 64 << 20;

const PATH = /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|node_modules\/\.package-lock\.json)$/;

export const NPM = textSource(PATH, MAXIMUM_BYTES, npmPackages);

/** Empty for a file that is no lockfile. */
function npmPackages(text: string, source: string): readonly PackageEntry[] {
  const shape = new JsonShape('lockfile');
  try {
    const lock = shape.parse(Buffer.from(text), MAXIMUM_BYTES);
    const packages = shape.optionalObject(lock, 'packages');
    const entries = packages ? Object.entries(packages) : legacyEntries(shape, lock);
    return entries.flatMap(([path, value]) => entryOf(path, shape.object(value, path), shape, source));
  } catch (error) {
    if (isEngineError(error, 'invalid')) return [];
    throw error;
  }
}

type Dependency = readonly [path: string, value: unknown];

/** Version 1 has dependencies in dependencies. */
function legacyEntries(shape: JsonShape, parent: Readonly<Record<string, unknown>>): readonly Dependency[] {
  const dependencies = Object.entries(shape.optionalObject(parent, 'dependencies') ?? {});
  return dependencies.flatMap(([name, value]) => [
    [`node_modules/${name}`, value] as const,
    ...legacyEntries(shape, shape.object(value, name)),
  ]);
}

function entryOf(
  path: string,
  value: Readonly<Record<string, unknown>>,
  shape: JsonShape,
  source: string,
): readonly PackageEntry[] {
  const [, installed] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? [];
  const name = installed ?? shape.optionalString(value, 'name');
  const version = shape.optionalString(value, 'version');
  if (name === undefined || version === undefined || value['link'] === true) return [];
  const [, namespace = '', plain = name] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  const license = typeof value['license'] === 'string' ? value['license'] : '';
  return [
    { name, version, purl: packageUrl({ type: 'npm', namespace, name: plain, version }), license, source },
  ];
}

/** Lists of packages: by the engine's own scanner, or by one that is an image. */
import { EngineError } from '#base/errors.ts';
import { formatDate } from '#base/timestamps.ts';
import type { BuildProgress } from '../progress/build-progress.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';
import type { Solver } from '../solve/solver.ts';
import type { BuildRequest } from '../build.ts';
import { StepFailure } from '../step-failure.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { OutputAttributes } from '../export/attributes.ts';
import type { Attestation, BuildOutcome, BuiltImage } from '../export/outcome.ts';
import { openRootTree } from '../export/root-tree.ts';
import type { Plan, ScanTarget } from '../plan/plan.ts';
import { fullName } from '../plan/step-titles.ts';
import { findPackages } from '#sbom/find-packages.ts';
import { openLocalTree } from '#sbom/local-tree.ts';
import { type ScannerImage, scannerVertex } from './scanner-image.ts';
import { readStatements } from './scanner-statements.ts';
import { SPDX_PREDICATE, spdxDocument } from '#sbom/spdx.ts';

export interface SbomOptions {
  readonly inlineOnly: boolean;
  /** An image; absent: the engine's own scanner. */
  readonly generator?: string;
  /** Further attributes, which the scanner reads. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface SbomParts {
  readonly trees: Pick<LayerTrees, 'open'>;
  readonly request: BuildRequest;
  readonly solver: Solver;
  readonly progress: BuildProgress;
  readonly scanner?: ScannerImage;
}

/** What this engine's own scanner may be called. */
const OWN = ['', 'caisson'];

/** What the client wants; undefined: no list. */
export function sbomOptions({ sbom }: NonNullable<BuildRequest['attestations']>): SbomOptions | undefined {
  if (!sbom) return undefined;
  const attributes = new OutputAttributes({ type: 'sbom', attributes: sbom });
  if (attributes.flag('disabled')) return undefined;
  const { generator = '', disabled: _disabled, 'inline-only': _inlineOnly, ...parameters } = sbom;
  return {
    inlineOnly: attributes.flag('inline-only') ?? false,
    ...(!OWN.includes(generator) && { generator }),
    parameters,
  };
}

/**
 * The lists of packages; that of the result comes first.
 *
 * @throws {EngineError} `invalid` for a scanner that fails, or writes what is none
 */
export async function claimPackages(
  image: BuiltImage,
  outcome: BuildOutcome,
  plan: Plan,
  options: SbomParts & SbomOptions,
): Promise<readonly Attestation[]> {
  return options.scanner
    ? await runScanner(options.scanner, image, plan, options)
    : await scanTargets(image, outcome, plan, options);
}

/** The scanner is a command like others: confined, cached, and shown with its output. */
async function runScanner(
  scanner: ScannerImage,
  { platform }: BuiltImage,
  plan: Plan,
  { trees, request, solver, progress, inlineOnly }: SbomParts & SbomOptions,
): Promise<readonly Attestation[]> {
  const vertex = scannerVertex(scanner, plan, request.commands);
  const name = fullName(scanner.name);
  progress.declareOperation(vertex, `[${formatPlatform(platform)}] generating sbom using ${name}`);
  try {
    const { layer } = await solver.solve(vertex);
    using tree = openRootTree(trees, layer ? [layer] : [], undefined);
    return (await readStatements(tree)).map((statement) => ({ kind: 'sbom', inlineOnly, ...statement }));
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'invalid') throw error;
    const state = error instanceof StepFailure ? `it ended with exit code ${error.exitCode}` : error.message;
    throw new EngineError('invalid', `Cannot list packages with ${scanner.name}: ${state}`, { cause: error });
  }
}

async function scanTargets(
  image: BuiltImage,
  outcome: BuildOutcome,
  plan: Plan,
  options: SbomParts & SbomOptions,
): Promise<readonly Attestation[]> {
  const platform = outcome.isMultiPlatform ? `${formatPlatform(image.platform)} ` : '';
  const targets = [{ name: '', vertex: plan.result.vertex }, ...plan.scanTargets];
  const attestations: Attestation[] = [];
  for (const target of targets) {
    const what = target.name === '' ? 'packages' : `packages of ${target.name}`;
    const work = () => scanTarget(target, image, outcome, options);
    attestations.push(await options.progress.during(`[${platform}sbom] scanning ${what}`, work));
  }
  return attestations;
}

/** @param target without a name: the result */
async function scanTarget(
  { name, vertex }: ScanTarget,
  { config }: BuiltImage,
  { epoch }: BuildOutcome,
  { trees, request, solver, inlineOnly }: SbomParts & SbomOptions,
): Promise<Attestation> {
  using tree = openRootTree(trees, await solver.layersOf(vertex), undefined);
  const found = await findPackages(openLocalTree(tree));
  const [reference = 'image'] = request.references;
  const created = epoch === undefined ? (config.created ?? formatDate(0)) : formatDate(epoch * 1000);
  return {
    kind: 'sbom',
    predicateType: SPDX_PREDICATE,
    predicate: spdxDocument(found, { name: name || reference, created }),
    fileName: name === '' ? 'sbom.spdx.json' : `sbom-${name}.spdx.json`,
    inlineOnly,
  };
}

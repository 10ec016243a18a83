import type { WireTypedAttributes } from '#wire/build-request.ts';
import { parseCsvRecord } from '#syntax/csv-record.ts';
import { ExitError } from '../usage-error.ts';
import { annotationAttributes } from './annotations.ts';
import { fieldsOf } from './secrets.ts';

/** One result, as the request has it, and where this client writes it. */
export interface WantedOutput {
  readonly request: WireTypedAttributes;
  /** `-` for standard output. */
  readonly destination: string;
}

export interface OutputFlags {
  readonly output: readonly string[];
  readonly load: boolean;
  readonly push: boolean;
  readonly annotation: readonly string[];
}

/** None: the engine keeps the image. */
export function wantedOutputs({ output, load, push, annotation }: OutputFlags): readonly WantedOutput[] {
  const wanted = output.map(parseOutput);
  const isImage = ({ request }: WantedOutput) => request.type === 'image';
  const isNamed = load || push || (annotation.length > 0 && output.length === 0);
  if (isNamed && !wanted.some(isImage)) wanted.push(stored({}));
  const annotations = annotationAttributes(annotation);
  return wanted.map((one) => {
    const { type, attributes } = one.request;
    const pushed = push && isImage(one) ? { push: 'true' } : {};
    const added = IMAGES.includes(type) ? annotations : {};
    return { ...one, request: { type, attributes: { ...added, ...attributes, ...pushed } } };
  });
}

/** Those that can have annotations. */
const IMAGES: readonly string[] = ['image', 'registry', 'oci', 'docker'];

function stored(attributes: Readonly<Record<string, string>>): WantedOutput {
  return { request: { type: 'image', attributes }, destination: '' };
}

/** `type=T,dest=D,…`, a directory alone, or `-` for a tar on standard output. */
function parseOutput(text: string): WantedOutput {
  if (text === '-') return { request: { type: 'tar', attributes: {} }, destination: '-' };
  const isPlain = parseCsvRecord(text).length === 1 && !text.includes('=');
  if (isPlain) return { request: { type: 'local', attributes: {} }, destination: text };
  const { type = '', dest = '', ...attributes } = Object.fromEntries(fieldsOf(text, 'output'));
  if (type === '') throw new ExitError(1, `invalid output ${JSON.stringify(text)}: type is required`);
  // Docker's clients mean the engine's own images by this.
  if (type === 'docker' && dest === '') return stored(attributes);
  if (['image', 'registry', 'cacheonly'].includes(type))
    return { request: { type, attributes }, destination: '' };
  const needsPlace = dest === '' && type === 'local';
  if (needsPlace)
    throw new ExitError(1, `invalid output ${JSON.stringify(text)}: dest is required for ${type}`);
  if (dest === '-' && type === 'local')
    throw new ExitError(1, 'dest "-" is a file, which output local cannot be written to: use type=tar');
  return { request: { type, attributes }, destination: dest === '' ? '-' : dest };
}

/** `--attest type=sbom,…`, `--provenance mode=max`, `--sbom true`. */
export function attestations(flags: {
  readonly attest: readonly string[];
  readonly provenance: string;
  readonly sbom: string;
}): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const wanted: Record<string, Readonly<Record<string, string>>> = {};
  const add = (type: string, fields: Readonly<Record<string, string>>) => {
    const { disabled = 'false', ...attributes } = fields;
    if (disabled === 'true') delete wanted[type];
    else wanted[type] = attributes;
  };
  for (const text of flags.attest) {
    const { type = '', ...attributes } = Object.fromEntries(fieldsOf(text, 'attestation'));
    if (type !== 'sbom' && type !== 'provenance')
      throw new ExitError(1, `invalid attestation ${JSON.stringify(text)}: type must be sbom or provenance`);
    add(type, attributes);
  }
  for (const type of ['provenance', 'sbom'] as const) {
    const text = flags[type];
    if (text === '') continue;
    if (text === 'true' || text === 'false') add(type, text === 'true' ? {} : { disabled: 'true' });
    else add(type, Object.fromEntries(fieldsOf(text, type)));
  }
  return wanted;
}

/** What a scanner has written: files of its own making, so nothing in them is believed before it is looked at. */
import { EngineError } from '#base/errors.ts';
import { JsonShape } from '#oci/json-shape.ts';
import type { FileEntry, FileTree } from '../session/build-session.ts';
import { REGULAR } from '../export/export-tree.ts';
import type { Attestation, Subject } from '../export/outcome.ts';
import { STATEMENTS_DIRECTORY } from './scanner-image.ts';
import { SPDX_PREDICATE } from '#sbom/spdx.ts';

export type ScannedStatement = Pick<Attestation, 'predicateType' | 'predicate' | 'fileName' | 'subject'>;

/** As much as BuildKit takes in one. */
const STATEMENT_BYTES = 40 << 20;
const ALL_BYTES = 128 << 20;
const MAXIMUM_STATEMENTS = 100;
const MAXIMUM_SUBJECTS = 10_000;
/** Becomes the name of a file where the result is a tree of files. */
const FILE_NAME = /^\w[\w.+-]{0,127}$/;
/** The list of the result itself. */
const CORE_NAME = /^sbom(?:\.|$)/;
const TYPE_MASK = 0o170000;

const shape = new JsonShape('in-toto statement');

/**
 * The statements; that about the result comes first.
 *
 * @throws {EngineError} `invalid` where there are none, too many or too large ones, or something else
 */
export async function readStatements(tree: FileTree): Promise<readonly ScannedStatement[]> {
  const files: FileEntry[] = [];
  let allBytes = 0;
  for await (const entry of tree.entries()) {
    if (!entry.path.startsWith(`${STATEMENTS_DIRECTORY}/`)) continue;
    checkFile(entry, (allBytes += entry.sizeBytes));
    if (files.push(entry) > MAXIMUM_STATEMENTS)
      throw refusal(`it wrote more than ${MAXIMUM_STATEMENTS} files`);
  }
  if (files.length === 0) throw refusal(`it wrote nothing into /${STATEMENTS_DIRECTORY}`);
  const statements: ScannedStatement[] = [];
  for (const file of files) statements.push(await readStatement(tree, file));
  const isCore = ({ fileName }: ScannedStatement) => CORE_NAME.test(fileName);
  return [...statements.filter(isCore), ...statements.filter((statement) => !isCore(statement))];
}

function checkFile({ path, mode, sizeBytes }: FileEntry, allBytes: number): void {
  const name = nameOf(path);
  if ((mode & TYPE_MASK) !== REGULAR) throw refusal(`${JSON.stringify(name)} is not a regular file`);
  if (!FILE_NAME.test(name)) throw refusal(`${JSON.stringify(name)} is no name for a statement`);
  if (sizeBytes > STATEMENT_BYTES) throw refusal(`${name} exceeds ${STATEMENT_BYTES} bytes`);
  if (allBytes > ALL_BYTES) throw refusal(`its statements exceed ${ALL_BYTES} bytes`);
}

async function readStatement(tree: FileTree, file: FileEntry): Promise<ScannedStatement> {
  const fileName = nameOf(file.path);
  const chunks: Buffer[] = [];
  for await (const chunk of tree.contents(file) as AsyncIterable<Buffer>) chunks.push(chunk);
  try {
    return { fileName, ...parseStatement(Buffer.concat(chunks)) };
  } catch (error) {
    if (error instanceof EngineError) throw refusal(`${fileName}: ${error.message}`, error);
    throw error;
  }
}

function parseStatement(bytes: Buffer): Omit<ScannedStatement, 'fileName'> {
  const statement = shape.parseUnambiguous(bytes, STATEMENT_BYTES);
  const type = shape.string(statement, '_type');
  if (!type.startsWith('https://in-toto.io/Statement/'))
    throw shape.refusal(`its type is ${JSON.stringify(type)}`);
  const predicateType = shape.string(statement, 'predicateType');
  if (predicateType !== SPDX_PREDICATE)
    throw shape.refusal(`its predicate is ${JSON.stringify(predicateType)}, not ${SPDX_PREDICATE}`);
  const predicate = shape.object(statement['predicate'], 'predicate');
  const subject = shape.array(statement, 'subject', MAXIMUM_SUBJECTS).map(subjectOf);
  return { predicateType, predicate, ...(subject.length > 0 && { subject }) };
}

function subjectOf(value: unknown): Subject {
  const subject = shape.object(value, 'subject');
  return {
    name: shape.string(subject, 'name'),
    digest: shape.optionalStringMap(subject, 'digest') ?? {},
  };
}

function nameOf(path: string): string {
  return path.slice(STATEMENTS_DIRECTORY.length + 1);
}

function refusal(state: string, cause?: unknown): EngineError {
  return new EngineError('invalid', state, { cause });
}

/** How calls end: gRPC's status codes, and errors as BuildKit's clients understand them. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { EngineError, type ErrorCode, isEngineError, messageOf } from '#base/errors.ts';
import type { StepPlace } from '#build/build.ts';
import { placeOf } from '#build/progress/step-errors.ts';
import { Status } from '#wire/buildkit/common.ts';
import { buildkitFailureText } from '../errors/build-failure.ts';

export const GRPC_OK = 0;
const CANCELED = 1;
const UNKNOWN = 2;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const UNIMPLEMENTED = 12;

/** A failed call's status as it is sent and was received. */
export class GrpcError extends EngineError {
  readonly status: Status;

  constructor(status: Status) {
    super(ERROR_CODES.get(status.code) ?? 'invalid', status.message);
    this.status = status;
  }
}

/** Clients print every other code in front of the message. */
const STATUS_CODES: Readonly<Record<ErrorCode, number>> = {
  invalid: UNKNOWN,
  unauthorized: UNKNOWN,
  forbidden: UNKNOWN,
  'not-found': UNKNOWN,
  'not-modified': UNKNOWN,
  conflict: UNKNOWN,
  exhausted: UNKNOWN,
  unavailable: UNKNOWN,
  'not-implemented': UNIMPLEMENTED,
  aborted: CANCELED,
  internal: UNKNOWN,
};

const ERROR_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [CANCELED, 'aborted'],
  [NOT_FOUND, 'not-found'],
  [ALREADY_EXISTS, 'conflict'],
  [UNIMPLEMENTED, 'not-implemented'],
]);

export function statusOf(error: unknown): Status {
  if (error instanceof GrpcError) return error.status;
  const code = isEngineError(error) ? STATUS_CODES[error.code] : UNKNOWN;
  const place = placeOf(error);
  const details = place ? [sourceDetail(place)] : [];
  return { code, message: buildkitFailureText(error), details };
}

/** `errdefs.Source`, from which clients print the lines; details are JSON in BuildKit. */
function sourceDetail({ source: { name, text }, ranges }: StepPlace): Status['details'][number] {
  const detail = {
    info: { filename: name, language: 'Dockerfile', data: Buffer.from(text).toString('base64') },
    ranges: ranges.map(({ start, end }) => ({
      start: { line: start.line, character: start.column - 1 },
      end: { line: end.line, character: end.column - 1 },
    })),
  };
  return typedDetail('Source', detail);
}

/** `errdefs.Subrequest`: the frontend does not know what is asked for. */
export function unsupportedSubrequest(name: string): GrpcError {
  const message = `unsupported request ${name}`;
  return new GrpcError({ code: UNIMPLEMENTED, message, details: [typedDetail('Subrequest', { name })] });
}

function typedDetail(type: string, value: unknown): Status['details'][number] {
  return {
    typeUrl: `github.com/moby/buildkit/errdefs.${type}+json`,
    value: Buffer.from(JSON.stringify(value)),
  };
}

export function trailersOf(status: Status): OutgoingHttpHeaders {
  if (status.code === GRPC_OK) return { 'grpc-status': '0' };
  const trailers = { 'grpc-status': String(status.code), 'grpc-message': percentEncoded(status.message) };
  if (status.details.length === 0) return trailers;
  const details = Buffer.from(Status.encode(status)).toString('base64').replaceAll('=', '');
  return { ...trailers, 'grpc-status-details-bin': details };
}

/** @throws {GrpcError} unless the call went well */
export function checkTrailers(headers: IncomingHttpHeaders): void {
  const code = Number(headers['grpc-status'] ?? UNKNOWN);
  if (code === GRPC_OK) return;
  const message = headers['grpc-message'];
  throw new GrpcError({
    code,
    message: percentDecoded(String(message ?? `gRPC status ${code}`)),
    details: [],
  });
}

/** Header fields that begin or end with one are invalid, and the whole status is lost (RFC 9113, 8.2.1). */
const SPACE_AT_AN_END = /^ | $/g;

/** Printable ASCII but `%` stays ("gRPC over HTTP2", Responses). */
function percentEncoded(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  )
    .join('')
    .replaceAll(SPACE_AT_AN_END, '%20');
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    return error instanceof URIError ? text : messageOf(error);
  }
}

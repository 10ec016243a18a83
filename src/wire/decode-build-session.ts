/** The heads of the frames that a client sends over `POST /caisson/build`, validated. */
import { EngineError } from '#base/errors.ts';
import type { ClientMessage, EntryRow, ListingMarks } from './build-session.ts';
import { decodeRegistryAuthObject } from './registry-auth.ts';

/** The head of a client's frame. @throws {EngineError} `invalid` */
export function decodeClientMessage(head: unknown): ClientMessage {
  const fields = fieldsOf(head);
  const { type } = fields;
  const id = integer(fields['id']);
  switch (type) {
    case 'entries':
      return { type, id, entries: rows(fields['entries']) };
    case 'content':
      return { type, id, position: integer(fields['position']), last: fields['last'] === true };
    case 'data':
      return { type, id };
    case 'end': {
      const { marks } = fields;
      return { type, id, ...(marks !== undefined && { marks: marksOf(marks) }) };
    }
    case 'answer': {
      const { auth } = fields;
      const decoded = auth === undefined ? undefined : decodeRegistryAuthObject(auth);
      return { type, id, found: fields['found'] === true, ...(decoded && { auth: decoded }) };
    }
    case 'error':
      return { type, id, message: text(fields['message']) };
    default:
      throw malformed();
  }
}

function fieldsOf(head: unknown): Readonly<Record<string, unknown>> {
  if (typeof head !== 'object' || head === null) throw malformed();
  return Object.fromEntries(Object.entries(head));
}

/** The rows themselves are read where they are used. */
function rows(value: unknown): readonly EntryRow[] {
  if (!Array.isArray(value)) throw malformed();
  return value;
}

function marksOf(value: unknown): ListingMarks {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([path, mark]) => [path, text(mark)]));
}

function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed();
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw malformed();
}

function malformed(): EngineError {
  return new EngineError('invalid', 'Cannot read message of a build: it is malformed');
}

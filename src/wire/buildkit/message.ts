/**
 * Protocol Buffers (proto3) messages as tables: each field has a number and a kind, the types follow from them.
 *
 * Reading: fields that are not there have the value that proto3 gives them, unknown ones are left out. Writing: what is
 * not given, or is proto3's own value, is left out.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { bytesOfText, textOfBytes } from '#base/byte-text.ts';

/** @typeParam T as it is read @typeParam I as it may be given */
export interface Field<T, I = T> {
  readonly number: number;
  readonly initial: T;
  // Methods, so that one table may hold fields of all types: each is given only its own values.
  write(writer: BinaryWriter, value: I): void;
  /** @param before what the field has been until now: lists and maps come in pieces */
  read(reader: BinaryReader, before: T): T;
}

type Fields = Readonly<Record<string, Field<unknown>>>;

type Read<F> = { readonly [K in keyof F]: F[K] extends Field<infer T, infer _> ? T : never };
type Given<F> = { readonly [K in keyof F]?: F[K] extends Field<infer _, infer I> ? I : never };

export interface MessageType<T, I = T> {
  encode(message: I): Uint8Array;
  /** @throws {Error} for bytes that are no message */
  decode(bytes: Uint8Array): T;
}

/** A message of a type, as it is read. */
export type MessageOf<M> = M extends MessageType<infer T, infer _> ? T : never;
/** A message of a type, as it may be given. */
export type InputOf<M> = M extends MessageType<infer _, infer I> ? I : never;

export function message<F extends Fields>(fields: F): MessageType<Read<F>, Given<F>>;
export function message(fields: Fields): MessageType<Record<string, unknown>> {
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  const initial = Object.fromEntries(entries.map(([name, field]) => [name, field.initial]));
  return {
    encode: (value) => {
      const writer = new BinaryWriter();
      for (const [name, field] of entries) if (value[name] !== undefined) field.write(writer, value[name]);
      return writer.finish();
    },
    decode: (bytes) => {
      const reader = new BinaryReader(bytes);
      const result = { ...initial };
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag();
        const known = byNumber.get(number);
        if (known) result[known.name] = known.field.read(reader, result[known.name]);
        else reader.skip(wireType, number);
      }
      return result;
    },
  };
}

export function text(number: number): Field<string> {
  return scalar(number, '', WireType.LengthDelimited, {
    write: (writer, value) => writer.string(value),
    read: (reader) => reader.string(),
  });
}

/** The name of a file: a string that need be no UTF-8, which Go does not mind. */
export function fileName(number: number): Field<string> {
  return scalar(number, '', WireType.LengthDelimited, {
    write: (writer, value) => writer.bytes(bytesOfText(value)),
    read: (reader) => textOfBytes(Buffer.from(reader.bytes())),
  });
}

export function flag(number: number): Field<boolean> {
  return scalar(number, false, WireType.Varint, {
    write: (writer, value) => writer.bool(value),
    read: (reader) => reader.bool(),
  });
}

/** Enumerations too. */
export function int32(number: number): Field<number> {
  return scalar(number, 0, WireType.Varint, {
    write: (writer, value) => writer.int32(value),
    read: (reader) => reader.int32(),
  });
}

export function uint32(number: number): Field<number> {
  return scalar(number, 0, WireType.Varint, {
    write: (writer, value) => writer.uint32(value),
    read: (reader) => reader.uint32(),
  });
}

/** For what a number can hold: sizes, times in seconds. */
export function int64(number: number): Field<number> {
  return scalar(number, 0, WireType.Varint, {
    write: (writer, value) => writer.int64(String(Math.trunc(value))),
    read: (reader) => Number(reader.int64()),
  });
}

/** For times in nanoseconds. */
export function bigint64(number: number): Field<bigint> {
  return scalar(number, 0n, WireType.Varint, {
    write: (writer, value) => writer.int64(value),
    read: (reader) => BigInt(reader.int64()),
  });
}

export function bytes(number: number): Field<Uint8Array> {
  return {
    number,
    initial: new Uint8Array(0),
    write: (writer, value) => {
      if (value.length > 0) writer.tag(number, WireType.LengthDelimited).bytes(value);
    },
    read: (reader) => reader.bytes(),
  };
}

/** A message in a message; undefined if it is absent. */
export function sub<T, I>(number: number, type: MessageType<T, I>): Field<T | undefined, I | undefined> {
  return {
    number,
    initial: undefined,
    write: (writer, value) => {
      if (value !== undefined) writer.tag(number, WireType.LengthDelimited).bytes(type.encode(value));
    },
    read: (reader) => type.decode(reader.bytes()),
  };
}

export function texts(number: number): Field<readonly string[]> {
  return repeated(number, {
    write: (writer, value) => writer.string(value),
    read: (reader) => reader.string(),
  });
}

/** Packed, as proto3 has numbers. */
export function int32s(number: number): Field<readonly number[]> {
  return {
    number,
    initial: [],
    write: (writer, values) => {
      if (values.length === 0) return;
      writer.tag(number, WireType.LengthDelimited).fork();
      for (const value of values) writer.int32(value);
      writer.join();
    },
    read: (reader, before) => {
      const packed = new BinaryReader(reader.bytes());
      const values = [...before];
      while (packed.pos < packed.len) values.push(packed.int32());
      return values;
    },
  };
}

export function blobs(number: number): Field<readonly Uint8Array[]> {
  return repeated(number, {
    write: (writer, value) => writer.bytes(value),
    read: (reader) => reader.bytes(),
  });
}

export function list<T, I>(number: number, type: MessageType<T, I>): Field<readonly T[], readonly I[]> {
  return repeated(number, {
    write: (writer, value) => writer.bytes(type.encode(value)),
    read: (reader) => type.decode(reader.bytes()),
  });
}

function repeated<T, I>(number: number, { write, read }: Codec<T, I>): Field<T[], readonly I[]> {
  const initial: T[] = [];
  return {
    number,
    initial,
    write: (writer, values) => {
      for (const value of values) write(writer.tag(number, WireType.LengthDelimited), value);
    },
    read: (reader, before) => {
      const value = read(reader);
      if (before === initial) return [value];
      before.push(value);
      return before;
    },
  };
}

/** From texts to texts. */
export function textMap(
  number: number,
): Field<ReadonlyMap<string, string>, Readonly<Record<string, string>>> {
  return map(number, text(2));
}

/** From texts to what `value`, whose number is 2, holds. */
export function map<T, I>(
  number: number,
  value: Field<T, I>,
): Field<Map<string, T>, Readonly<Record<string, I>>> {
  const entry = message({ key: text(1), value });
  const initial = new Map<string, T>();
  return {
    number,
    initial,
    write: (writer, values) => {
      for (const [key, value] of Object.entries(values))
        writer.tag(number, WireType.LengthDelimited).bytes(entry.encode({ key, value }));
    },
    read: (reader, before) => {
      const { key, value } = entry.decode(reader.bytes());
      return (before === initial ? new Map<string, T>() : before).set(key, value);
    },
  };
}

interface Codec<T, I = T> {
  readonly write: (writer: BinaryWriter, value: I) => unknown;
  readonly read: (reader: BinaryReader) => T;
}

function scalar<T>(number: number, initial: T, wireType: WireType, { write, read }: Codec<T>): Field<T> {
  return {
    number,
    initial,
    write: (writer, value) => {
      if (value !== initial) write(writer.tag(number, wireType), value);
    },
    read,
  };
}

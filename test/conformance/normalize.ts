/**
 * Makes the answers of two engines comparable: what each engine makes up by itself (ids, times, addresses, sizes on
 * disk) is replaced by a word that says what it is. An id keeps its identity: it is called after the place where it is
 * met first.
 */
import { isIP } from 'node:net';
import type { Answer } from '../support/http.ts';
import { listTar } from './list-tar.ts';

/** What is compared of an answer. */
export interface Comparable {
  readonly status: number;
  readonly contentType: string;
  readonly pathStat?: unknown;
  /** JSON decoded, lines of JSON as a list, an archive as its entries, anything else as text. */
  readonly body: unknown;
}

/** Numbers that differ from one run to the next; zero is the same everywhere. */
const MEASURED = new Set([
  'Pid',
  'pid',
  'Created',
  'time',
  'timeNano',
  'NFd',
  'NGoroutines',
  'NEventsListener',
  'MemTotal',
  'PublicPort',
  'LayersSize',
]);

/** How large a directory is depends on the file system. */
const DIRECTORY = 2 ** 31;

/** Objects of measurements, of which the form alone is compared. */
const MEASUREMENTS = new Set([
  'cpu_stats',
  'precpu_stats',
  'memory_stats',
  'blkio_stats',
  'networks',
  'pids_stats',
]);

const ZERO_TIME = /^0001-01-01T00:00:00Z$/;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;
const ID = /\b(?:sha256:)?[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g;
const MAC = /\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/g;
const DURATION = /\b(?:Less than a second|About an? \w+|\d+ (?:second|minute)s?)\b/g;

/** Of one engine and one scenario. */
export class Normalizer {
  readonly #ids = new Map<string, string>();
  readonly #directory: string;
  #answers = 0;

  /** @param directory where the engine keeps all its files */
  constructor(directory: string) {
    this.#directory = directory;
  }

  normalize({ status, headers, body }: Answer): Comparable {
    this.#answers++;
    const stat = headers['x-docker-container-path-stat'];
    const contentType = headers['content-type'] ?? '';
    return {
      status,
      contentType,
      ...(typeof stat === 'string' && {
        pathStat: this.#pathStat(JSON.parse(Buffer.from(stat, 'base64').toString())),
      }),
      body: this.#body(body, contentType),
    };
  }

  #pathStat(stat: { readonly mode: number }): unknown {
    return this.#value(stat.mode >= DIRECTORY ? { ...stat, size: 0 } : stat);
  }

  #body(body: string, contentType: string): unknown {
    if (contentType === 'application/x-tar') return listTar(Buffer.from(body, 'latin1'));
    if (!contentType.startsWith('application/json')) return this.#text(body);
    const lines = body.split('\n').filter((line) => line.trim() !== '');
    if (lines.length === 0) return '';
    const values = sortedEvents(lines).map((line, index) => this.#parsed(line, `${index}`));
    return values.length === 1 ? values[0] : values;
  }

  #parsed(line: string, place: string): unknown {
    try {
      return this.#value(JSON.parse(line), place);
    } catch {
      return this.#text(line);
    }
  }

  #value(value: unknown, place = ''): unknown {
    if (typeof value === 'string') return isPid(value, place) ? '<number>' : this.#text(value, place);
    if (typeof value === 'number') {
      return MEASURED.has(place.slice(place.lastIndexOf('.') + 1)) && value !== 0 ? '<number>' : value;
    }
    if (Array.isArray(value)) {
      return inOrder(value).map((each, index) => this.#value(each, `${place}.${index}`));
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, each]) => [
      this.#text(name, `${place}.`),
      MEASUREMENTS.has(name) ? formOf(each) : this.#value(each, `${place}.${name}`),
    ]);
    return Object.fromEntries(entries);
  }

  #text(text: string, place = ''): string {
    if (ZERO_TIME.test(text)) return text;
    if (text.startsWith(this.#directory)) return '<path>';
    if (isIP(text) === 4 && text !== '0.0.0.0' && !text.startsWith('127.')) return '<address>';
    return (
      text
        .replaceAll(this.#directory, '<directory>')
        .replaceAll(TIME, '<time>')
        .replaceAll(MAC, '<mac>')
        .replaceAll(DURATION, '<duration>')
        // Which types Go has for a field is not for clients.
        .replace('HostConfig.Resources.', 'HostConfig.')
        .replace(/(cannot unmarshal .* into Go (?:struct field \S+|value)) of type .*$/, '$1')
        .replaceAll(ID, (id) => this.#id(id, place))
    );
  }

  #id(id: string, place: string): string {
    const digits = id.replace('sha256:', '').slice(0, 12);
    const known = this.#ids.get(digits) ?? `<id of ${this.#answers}${place}>`;
    this.#ids.set(digits, known);
    return known;
  }
}

/** In a table of processes. */
function isPid(text: string, place: string): boolean {
  return place.includes('.Processes.') && /^\d+$/.test(text);
}

/** Two events of a container of which either may come first. */
function sortedEvents(lines: readonly string[]): readonly string[] {
  const sorted = [...lines];
  for (const [index, line] of lines.entries()) {
    const next = lines[index + 1] ?? '';
    if (!line.includes('"Action":"stop"') || !next.includes('"Action":"die"')) continue;
    sorted[index] = next;
    sorted[index + 1] = line;
  }
  return sorted;
}

/** Networks, volumes, mounts and changes come in any order. */
function inOrder(list: readonly unknown[]): readonly unknown[] {
  const keyed = list.map((each) => ({ each, key: orderOf(each) }));
  if (keyed.some(({ key }) => key === undefined)) return list;
  return keyed.toSorted((a, b) => String(a.key).localeCompare(String(b.key))).map(({ each }) => each);
}

/** The field by which such an object is known. */
function orderOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if ('Destination' in value) return value.Destination;
  if ('Kind' in value && 'Path' in value) return value.Path;
  return 'Scope' in value && 'Name' in value ? value.Name : undefined;
}

/** Which fields there are, and of which types. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(formOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, formOf(each)]));
}

import type { EngineEvent } from './engine.ts';

type Filters = ReadonlyMap<string, readonly string[]>;

/** Actions that carry a detail after a colon; a filter without the detail means all of them. */
const DETAILED = ['health_status', 'exec_create', 'exec_start', 'exec_die', 'exec_detach'];

/** Whether an event passes the filters of `GET /events`: every named filter must match with one of its values. */
export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  for (const [name, values] of filters) {
    if (values.length > 0 && !matchesOne(event, name, values)) return false;
  }
  return true;
}

function matchesOne(event: EngineEvent, name: string, values: readonly string[]): boolean {
  switch (name) {
    case 'event':
      return values.some((value) => matchesAction(event.action, value));
    case 'type':
      return values.includes(event.type);
    case 'scope':
      return values.includes('local');
    case 'label':
      return values.every((value) => hasLabel(event.attributes, value));
    case 'image':
      return values.some((value) => namesImage(event, value));
    case 'container':
    case 'volume':
    case 'network':
    case 'daemon':
    case 'plugin':
      return event.type === name && values.some((value) => namesActor(event, value));
    // There are none of these.
    case 'config':
    case 'node':
    case 'secret':
    case 'service':
      return false;
    default:
      return true;
  }
}

function matchesAction(action: string, wanted: string): boolean {
  return action === wanted || (DETAILED.includes(wanted) && action.startsWith(`${wanted}:`));
}

function hasLabel(attributes: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(attributes, wanted);
  return attributes[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

/** Docker matches ids and names by prefix here. */
function namesActor(event: EngineEvent, wanted: string): boolean {
  return event.id.startsWith(wanted) || (event.attributes['name'] ?? '').startsWith(wanted);
}

/** An image filter also lets the events of containers made from the image through. */
function namesImage(event: EngineEvent, wanted: string): boolean {
  const attribute = event.type === 'image' ? 'name' : 'image';
  const name = event.attributes[attribute] ?? '';
  return (event.type === 'image' && event.id === wanted) || name === wanted || withoutTag(name) === wanted;
}

function withoutTag(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

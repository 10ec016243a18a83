import type { EventMessage } from '#wire/event.ts';

type Filters = ReadonlyMap<string, readonly string[]>;

/** Actions that carry a detail after a colon; a filter without the detail means all of them. */
const DETAILED = ['health_status', 'exec_create', 'exec_start', 'exec_die', 'exec_detach'];

/** Whether an event passes the filters of `GET /events`: every named filter must match with one of its values. */
export function matchesEvent(event: EventMessage, filters: Filters): boolean {
  for (const [name, values] of filters) {
    if (values.length > 0 && !matchesOne(event, name, values)) return false;
  }
  return true;
}

function matchesOne(event: EventMessage, name: string, values: readonly string[]): boolean {
  switch (name) {
    case 'event':
      return values.some((value) => matchesAction(event.Action, value));
    case 'type':
      return values.includes(event.Type);
    case 'scope':
      return values.includes(event.scope);
    case 'label':
      return values.every((value) => hasLabel(event.Actor.Attributes, value));
    case 'image':
      return values.some((value) => namesImage(event, value));
    case 'container':
    case 'volume':
    case 'network':
    case 'daemon':
    case 'plugin':
      return event.Type === name && values.some((value) => namesActor(event, value));
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
function namesActor(event: EventMessage, wanted: string): boolean {
  return event.Actor.ID.startsWith(wanted) || (event.Actor.Attributes['name'] ?? '').startsWith(wanted);
}

/** An image filter also lets the events of containers made from the image through. */
function namesImage(event: EventMessage, wanted: string): boolean {
  const attribute = event.Type === 'image' ? 'name' : 'image';
  const name = event.Actor.Attributes[attribute] ?? '';
  return (
    (event.Type === 'image' && event.Actor.ID === wanted) || name === wanted || withoutTag(name) === wanted
  );
}

function withoutTag(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

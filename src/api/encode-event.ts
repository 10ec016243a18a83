import type { EngineEvent } from '#engine/engine.ts';
import type { EventMessage } from '#wire/event.ts';

/** One line of `GET /events`. */
export function encodeEvent({ type, action, id, attributes, timeNs }: EngineEvent): EventMessage {
  const from = attributes['image'];
  const isLegacy = type === 'container' || type === 'image';
  return {
    ...(isLegacy && { status: action, ...(id !== '' && { id }) }),
    ...(type === 'container' && from !== undefined && { from }),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Number(timeNs / 1_000_000_000n),
    timeNano: Number(timeNs),
  };
}

/**
 * What a domain reports: something happened to one of its objects. The engine adds the time and keeps the recent ones.
 */
export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder' | 'plugin';

export interface DomainEvent {
  readonly type: EventType;
  /** A verb such as `create`, or `exec_create: sh` with what it was about. */
  readonly action: string;
  /** The id or the name of the object; empty for what concerns all objects of the type. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** How a domain reports; never throws, never waits. */
export type EmitEvent = (event: DomainEvent) => void;

/** `GET /events`: what happened, newline-delimited. */
export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder' | 'plugin';

export interface EventMessage {
  /** Below API 1.22's names, still sent for containers and images: the action, the id, the image. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: EventType;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local';
  /** Seconds since the epoch. */
  readonly time: number;
  readonly timeNano: number;
}

/** What a domain reports; the engine completes it to an {@link EventMessage} and keeps the recent ones. */
export interface DomainEvent {
  readonly type: EventType;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** How a domain reports; never throws, never waits. */
export type EmitEvent = (event: DomainEvent) => void;

/** `GET /events`: what happened, newline-delimited. */
import type { EventType } from '#base/event.ts';

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

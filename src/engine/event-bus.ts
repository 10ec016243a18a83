import { Condition } from '#base/condition.ts';
import { nowNs } from '#base/clock.ts';
import type { DomainEvent } from '#base/event.ts';
import { matchesEvent } from './event-filter.ts';
import type { EngineEvent, EventQuery } from './engine.ts';

/** Events that are remembered for `since`. */
const REMEMBERED = 1024;

/** A subscriber that does not read is dropped when it is this far behind. */
const MAXIMUM_BACKLOG = 16_384;

/** Remembers recent events and hands new ones to every subscriber. */
export class EventBus {
  readonly #recent: EngineEvent[] = [];
  readonly #subscribers = new Set<Subscriber>();

  /** Completes a domain's event with the time and sends it to every listener. */
  readonly emit = (event: DomainEvent): void => {
    const message = { ...event, timeNs: nowNs() };
    this.#recent.push(message);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    for (const subscriber of this.#subscribers) subscriber.offer(message);
  };

  get listenerCount(): number {
    return this.#subscribers.size;
  }

  /** Subscribed when it returns; see `EngineApi.events`. */
  subscribe(query: EventQuery): AsyncIterable<EngineEvent> {
    const subscriber = new Subscriber(query, () => this.#subscribers.delete(subscriber));
    const { sinceNs } = query;
    if (sinceNs !== undefined || query.untilNs !== undefined) {
      for (const message of this.#recent) {
        if (message.timeNs >= (sinceNs ?? 0n)) subscriber.offer(message);
      }
    }
    if (query.untilNs !== undefined && query.untilNs <= nowNs()) subscriber.end();
    else this.#subscribers.add(subscriber);
    return subscriber;
  }

  /** Ends every subscription. */
  close(): void {
    for (const subscriber of this.#subscribers) subscriber.end();
  }
}

/** One reader: a queue that ends at `untilNs`, on the signal, or when the reader leaves. */
class Subscriber implements AsyncIterable<EngineEvent> {
  readonly #query: EventQuery;
  readonly #leave: () => void;
  readonly #queue: EngineEvent[] = [];
  readonly #abort = () => this.end();
  readonly #changed = new Condition();
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(query: EventQuery, leave: () => void) {
    this.#query = query;
    this.#leave = leave;
    query.signal?.addEventListener('abort', this.#abort, { once: true });
    if (query.untilNs !== undefined) {
      // Less than a millisecond is some time, too.
      const remainingMs = Math.ceil(Number(query.untilNs - nowNs()) / 1e6);
      if (remainingMs > 0 && remainingMs < 2 ** 31) this.#timer = setTimeout(this.#abort, remainingMs);
    }
  }

  offer(message: EngineEvent): void {
    const { untilNs, filters } = this.#query;
    if (this.#ended || (untilNs !== undefined && message.timeNs > untilNs)) return;
    if (!matchesEvent(message, filters)) return;
    this.#queue.push(message);
    if (this.#queue.length > MAXIMUM_BACKLOG) this.end();
    this.#changed.notifyAll();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#query.signal?.removeEventListener('abort', this.#abort);
    this.#leave();
    this.#changed.notifyAll();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<EngineEvent> {
    try {
      for (;;) {
        for (let next = this.#queue.shift(); next; next = this.#queue.shift()) yield next;
        if (this.#ended) return;
        await this.#changed.wait();
      }
    } finally {
      this.end();
    }
  }
}

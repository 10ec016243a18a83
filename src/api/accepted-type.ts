import type { IncomingMessage } from 'node:http';

/** The media type that a request's `Accept` names and likes best; wildcards name none. */
export function acceptedType(request: IncomingMessage, offers: readonly string[]): string | undefined {
  const accepted = new Map((request.headers.accept ?? '').split(',').map(parseRange));
  const weightOf = (offer: string): number => accepted.get(offer) ?? 0;
  return offers
    .filter((offer) => weightOf(offer) > 0)
    .toSorted((a, b) => weightOf(b) - weightOf(a))
    .at(0);
}

/** `application/jsonl; q=0.5` */
function parseRange(range: string): readonly [type: string, weight: number] {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return [type, quality === undefined ? 1 : Number(quality.slice(2)) || 0];
}

import { unreachable, type HttpResponse } from './http-client.ts';
import { RegistryFailure } from './registry-failure.ts';

/** @throws {RegistryFailure} `invalid` if longer than `maximumBytes`; `unavailable` if it was cut off */
export async function readBody(response: HttpResponse, maximumBytes: number): Promise<Buffer> {
  const { body, url } = response;
  const chunks: Buffer[] = [];
  let length = Number(response.headers['content-length'] ?? 0);
  if (length > maximumBytes) throw tooLarge(response, maximumBytes);
  length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maximumBytes) throw tooLarge(response, maximumBytes);
    }
  } catch (error) {
    throw unreachable(url.host, error);
  }
  return Buffer.concat(chunks);
}

function tooLarge({ body, url }: HttpResponse, maximumBytes: number): RegistryFailure {
  body.destroy();
  return new RegistryFailure('registry-answer-too-large', {
    subject: url.host,
    details: { path: url.pathname, maximumBytes },
  });
}

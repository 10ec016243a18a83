import { hostPlatform, type Platform } from '#oci/platform.ts';
import type { PlatformMessage } from '#wire/buildkit/common.ts';
import type { MessageOf } from '#wire/buildkit/message.ts';

/** This machine's, where a client says nothing. */
export function platformFor(platform: MessageOf<typeof PlatformMessage> | undefined): Platform {
  if (!platform || platform.OS === '') return hostPlatform();
  const { OS: os, Architecture: architecture, Variant: variant } = platform;
  return { os, architecture, ...(variant !== '' && { variant }) };
}

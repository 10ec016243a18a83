import { defineCommand, MANY } from '../command.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Build an image from a Dockerfile',
  usage: ['[OPTIONS] PATH | URL | -'],
  operands: { min: 0, max: MANY },
  interspersed: false,
  flags: {},
  run: (context) => {
    const host = context.client.host;
    throw new ExitError(
      1,
      `caisson: build is not here yet.\nWhat works now: "caisson import" and "caisson bootstrap" make images; or "docker -H ${host} build", once the engine builds.`,
    );
  },
});

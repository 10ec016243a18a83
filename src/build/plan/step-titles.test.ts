import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#dockerfile/dockerfile.ts';
import { stepTitle } from './step-titles.ts';

test('titles have the values of variables; only what the shell reads keeps its quotes', () => {
  const variables = new Map([['A', 'a b']]);
  for (const [line, title] of [
    ['run echo "$A" \'$A\' $B ${C:-c}', 'RUN echo "a b" \'$A\' $B ${C:-c}'],
    ['WORKDIR "/w/$A"', 'WORKDIR /w/a b'],
    ['COPY "$B" ${C:-c} /', 'COPY  c /'],
    ['RUN <<EOF\necho x\necho y\nEOF', 'RUN <<EOF (echo x...)'],
  ] as const) {
    const { stages, escape } = parseDockerfile(`FROM a\n${line}\n`);
    const [instruction] = stages[0]?.instructions ?? [];
    assert(instruction);
    assert.equal(stepTitle(instruction, { variables, escape }), title);
  }
});

import type { Scenario } from '../scenario.ts';
import { archiveScenarios } from './archives.ts';
import { buildScenarios } from './builds.ts';
import { execScenarios } from './exec.ts';
import { imageScenarios } from './images.ts';
import { lifeScenarios } from './life.ts';
import { optionScenarios } from './options.ts';
import { systemScenarios } from './system.ts';
import { volumeScenarios } from './volumes.ts';
import { wrongCalls } from './wrong-calls.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...systemScenarios,
  ...lifeScenarios,
  ...execScenarios,
  ...volumeScenarios,
  ...archiveScenarios,
  ...imageScenarios,
  ...optionScenarios,
  ...wrongCalls,
  // They leave images behind, of which each builder has others.
  ...buildScenarios,
];

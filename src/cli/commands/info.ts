import { CAISSON_VERSION } from '../caisson-version.ts';
import { defineCommand } from '../command.ts';
import { contextName } from '../contexts/context-name.ts';
import { fetchText } from '../fetch-text.ts';
import { stringFlag } from '../flag.ts';
import { OBJECT_FORMAT_HELP } from '../format/format-help.ts';
import { clientInfoText, type EngineInfo, infoText } from '../format/info-text.ts';
import { showObject } from '../format/inspect-output.ts';
import { parseJson } from '../template/json-text.ts';
import { tellError } from '../report-failure.ts';

export const command = defineCommand({
  summary: 'Display system-wide information',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ["caisson info -f '{{.Driver}}'"],
  flags: { format: stringFlag(OBJECT_FORMAT_HELP, { short: 'f' }) },
  run: async (context, { flags }) => {
    const clientInfo = {
      Debug: context.globals.debug,
      Version: CAISSON_VERSION,
      Context: contextName(context),
      Plugins: [],
    };
    if (flags.format === '') context.stdout.write(clientInfoText(clientInfo));
    let text: string;
    try {
      text = await fetchText(context.client, '/info');
    } catch (error) {
      await tellError(context, error);
      return 1;
    }
    if (flags.format !== '') {
      showObject(context, flags.format, { ...parseJson(text), ClientInfo: clientInfo });
      return 0;
    }
    const info: EngineInfo = JSON.parse(text);
    context.stdout.write(`\nServer:\n${infoText(info)}\n`);
    for (const warning of info.Warnings ?? []) context.say(warning);
    return 0;
  },
});

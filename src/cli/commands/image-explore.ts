import { exploreImage } from '#client/images.ts';
import { defineCommand } from '../command.ts';
import { runExplorer } from '../explore/run-explorer.ts';
import { layerLine, titleOf } from '../explore/screen.ts';
import { booleanFlag } from '../flag.ts';
import { humanSize } from '../format/sizes.ts';
import { stdinIsTerminal } from '../terminal/terminal.ts';

/** How many of the paths that waste most are printed where there is no screen. */
const SHOWN_WASTED = 10;

export const command = defineCommand({
  summary: 'Show what each layer of an image adds, changes, removes and wastes',
  usage: ['[OPTIONS] IMAGE'],
  description:
    'On a terminal, arrows and tab move, / filters the files, q leaves. Wasted are the bytes of files that a\n' +
    'layer above replaces or removes: every pull still carries them.',
  operands: { min: 1, max: 1, kind: 'image' },
  flags: { json: booleanFlag('Print everything as JSON') },
  examples: ['caisson image explore debian:trixie', 'caisson image explore --json app | jq .Efficiency'],
  run: async (context, { flags, operands: [image = ''] }) => {
    const isInteractive = !flags.json && context.stdout.isTerminal && stdinIsTerminal();
    const exploration = await exploreImage(context.client, image, flags.json || isInteractive);
    if (flags.json) context.print(JSON.stringify(exploration, undefined, 2));
    else if (isInteractive) await runExplorer(context, image, exploration);
    else {
      context.print(titleOf(image, exploration));
      context.print('\n  #      SIZE    WASTED  ADDED CHANGED REMOVED  COMMAND');
      for (const [index, layer] of exploration.Layers.entries()) context.print(layerLine(layer, index));
      const wasted = exploration.Wasted.slice(0, SHOWN_WASTED);
      if (wasted.length > 0) context.print('\n   WASTED  TIMES  PATH');
      for (const { Path, Size, Count } of wasted)
        context.print(
          `${humanSize(Size, 3).padStart(9)} ${String(Count).padStart(6)}  ${JSON.stringify(Path).slice(1, -1)}`,
        );
    }
    return 0;
  },
});

import type { ImageExploration } from '#wire/explore.ts';
import type { Context } from '../context.ts';
import { createStyle } from '../style.ts';
import { onResize, rawMode, terminalSize } from '../terminal/terminal.ts';
import { keysOf } from './keys.ts';
import { renderScreen } from './screen.ts';
import { INITIAL_STATE, pressed, type ViewState } from './view-state.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_REST_OF_LINE = '\u001b[K';
const DEFAULT_SIZE = { rows: 24, columns: 80 };

/** Shows the explorer on the terminal until the user leaves it; the screen is as before then. */
export async function runExplorer(
  context: Context,
  image: string,
  exploration: ImageExploration,
): Promise<void> {
  using _screen = alternateScreen(context);
  using _raw = rawMode();
  let state: ViewState = INITIAL_STATE;
  const style = createStyle(context.stdout.isTerminal, context.environment);
  const draw = () => {
    const lines = renderScreen({ image, exploration, state }, terminalSize() ?? DEFAULT_SIZE, style);
    context.stdout.write(HOME + lines.map((line) => line + CLEAR_REST_OF_LINE).join('\r\n'));
  };
  using _resize = onResize(draw);
  draw();
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    for (const key of keysOf(String(chunk))) {
      const next = pressed(exploration, state, key);
      if (!next) return;
      state = next;
    }
    draw();
  }
}

function alternateScreen({ stdout }: Context): Disposable {
  stdout.write(ENTER);
  return { [Symbol.dispose]: () => stdout.write(LEAVE) };
}

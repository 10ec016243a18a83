/** What the explorer shows, and what a key does to it. Pure. */
import type { ExploredFile, ImageExploration } from '#wire/explore.ts';

export interface ViewState {
  readonly focus: 'layers' | 'files';
  readonly layer: number;
  /** Index of the chosen file among those shown. */
  readonly file: number;
  /** Only paths that contain it are shown. */
  readonly filter: string;
  /** Keys go into the filter. */
  readonly isFiltering: boolean;
}

export type Key =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'tab'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'interrupt'
  | { readonly text: string };

export const INITIAL_STATE: ViewState = {
  focus: 'layers',
  layer: 0,
  file: 0,
  filter: '',
  isFiltering: false,
};

const PAGE = 10;

/** The files that the state shows. */
export function shownFiles(
  { Layers }: ImageExploration,
  { layer, filter }: ViewState,
): readonly ExploredFile[] {
  const files = Layers[layer]?.Files ?? [];
  return filter === '' ? files : files.filter(({ Path }) => Path.includes(filter));
}

/** @returns the next state; undefined to leave */
export function pressed(exploration: ImageExploration, state: ViewState, key: Key): ViewState | undefined {
  if (key === 'interrupt') return undefined;
  if (state.isFiltering) return typed(state, key);
  if (typeof key === 'object') return commanded(exploration, state, key.text);
  if (key === 'escape') return state.filter === '' ? undefined : { ...state, filter: '', file: 0 };
  if (key === 'tab' || key === 'enter')
    return { ...state, focus: state.focus === 'layers' ? 'files' : 'layers' };
  if (key === 'left' || key === 'right') return { ...state, focus: key === 'left' ? 'layers' : 'files' };
  return moved(exploration, state, stepOf(key));
}

/** The keys of vi and less as well. */
function commanded(exploration: ImageExploration, state: ViewState, text: string): ViewState | undefined {
  switch (text) {
    case 'q':
      return undefined;
    case '/':
      return { ...state, focus: 'files', isFiltering: true };
    case 'j':
      return moved(exploration, state, 1);
    case 'k':
      return moved(exploration, state, -1);
    case 'g':
      return moved(exploration, state, Number.NEGATIVE_INFINITY);
    case 'G':
      return moved(exploration, state, Number.POSITIVE_INFINITY);
    case ' ':
      return moved(exploration, state, PAGE);
    default:
      return state;
  }
}

function typed(state: ViewState, key: Key): ViewState {
  if (typeof key === 'object') return { ...state, filter: state.filter + key.text, file: 0 };
  if (key === 'backspace') return { ...state, filter: state.filter.slice(0, -1), file: 0 };
  if (key === 'escape') return { ...state, filter: '', file: 0, isFiltering: false };
  return key === 'enter' || key === 'tab' ? { ...state, isFiltering: false } : state;
}

function stepOf(key: string): number {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    down: 1,
    'page-up': -PAGE,
    'page-down': PAGE,
    home: Number.NEGATIVE_INFINITY,
    end: Number.POSITIVE_INFINITY,
  };
  return steps[key] ?? 0;
}

function moved(exploration: ImageExploration, state: ViewState, step: number): ViewState {
  if (state.focus === 'files')
    return { ...state, file: clamp(state.file + step, shownFiles(exploration, state).length) };
  const layer = clamp(state.layer + step, exploration.Layers.length);
  return { ...state, layer, file: layer === state.layer ? state.file : 0 };
}

function clamp(index: number, length: number): number {
  return Math.max(0, Math.min(index, length - 1));
}

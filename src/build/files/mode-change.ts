/** Modes as chmod(1) has them: a number, or changes (`u=rwX,go-w`, `a+t`). As in BuildKit no umask applies. */
import { EngineError } from '#base/errors.ts';

/** @param mode permission, set-id and sticky bits */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/;
const ACTION = /([-+=])([rwxXst]*|[ugo])(?=[-+=]|$)/g;
/** Where each class has its bits. */
const SHIFTS = { u: 6, g: 3, o: 0 } as const;
type Class = keyof typeof SHIFTS;
const CLASSES = ['u', 'g', 'o'] as const satisfies readonly Class[];
const PERMISSIONS = { r: 4, w: 2, x: 1 } as const;
const SET_ID: Readonly<Record<Class, number>> = { u: 0o4000, g: 0o2000, o: 0 };
const STICKY = 0o1000;

/** @throws {EngineError} `invalid` for what is not a mode */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    const mode = Number.parseInt(text, 8);
    return () => mode;
  }
  const clauses = text.split(',').map((clause) => parseClause(clause, text));
  return (mode, isDirectory) => clauses.reduce((before, change) => change(before, isDirectory), mode);
}

function parseClause(clause: string, text: string): ModeChange {
  const [, who = '', actions] = CLAUSE.exec(clause) ?? [];
  if (actions === undefined)
    throw new EngineError(
      'invalid',
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
    );
  const classes = CLASSES.filter((name) => who === '' || who.includes('a') || who.includes(name));
  const steps = [...actions.matchAll(ACTION)].map(
    ([, operator = '', permissions = '']): ModeChange =>
      (mode, isDirectory) =>
        apply(mode, operator, classes, bitsOf(permissions, mode, isDirectory)),
  );
  return (mode, isDirectory) => steps.reduce((before, step) => step(before, isDirectory), mode);
}

interface Bits {
  /** Three bits, for each class. */
  readonly permissions: number;
  readonly setId: boolean;
  readonly sticky: boolean;
}

function bitsOf(text: string, mode: number, isDirectory: boolean): Bits {
  const [copied] = CLASSES.filter((name) => name === text);
  if (copied) return { permissions: (mode >> SHIFTS[copied]) & 7, setId: false, sticky: false };
  const canExecute = isDirectory || (mode & 0o111) !== 0;
  let permissions = text.includes('X') && canExecute ? 1 : 0;
  for (const [letter, bit] of Object.entries(PERMISSIONS)) if (text.includes(letter)) permissions |= bit;
  return { permissions, setId: text.includes('s'), sticky: text.includes('t') };
}

function apply(mode: number, operator: string, classes: readonly Class[], bits: Bits): number {
  const wanted = classes.reduce(
    (all, name) => all | (bits.permissions << SHIFTS[name]) | (bits.setId ? SET_ID[name] : 0),
    bits.sticky ? STICKY : 0,
  );
  if (operator === '+') return mode | wanted;
  if (operator === '-') return mode & ~wanted;
  const cleared = classes.reduce(
    (all, name) => all | (7 << SHIFTS[name]) | SET_ID[name],
    classes.length === CLASSES.length ? STICKY : 0,
  );
  return (mode & ~cleared) | wanted;
}

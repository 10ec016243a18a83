/** moby.buildkit.v1.sourcepolicy: what a client lets a build take. */
import { int32, int64, list, message, type MessageOf, sub, text, textMap } from './message.ts';

const AttrConstraint = message({ key: text(1), value: text(2), condition: int32(3) });

const Selector = message({ identifier: text(1), match_type: int32(2), constraints: list(3, AttrConstraint) });

const Update = message({ identifier: text(1), attrs: textMap(2) });

const Rule = message({ action: int32(1), selector: sub(2, Selector), updates: sub(3, Update) });

export const PolicyMessage = message({ version: int64(1), rules: list(2, Rule) });
export type PolicyMessage = MessageOf<typeof PolicyMessage>;

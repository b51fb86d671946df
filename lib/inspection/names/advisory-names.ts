import type { AdvisoryKey } from '../../vocabulary/lock-id.js';
import { int8Of } from '../../vocabulary/lock-key-text.js';
import type { AdvisoryName } from './advisory-name.js';
import { DERIVED_KEYS, type Candidate } from './derived-keys.js';
import { KNOWN_KEYS, type Confirmation, type KnownKey } from './known-keys.js';
import { NO_FACTS, type NamingFacts } from './naming-facts.js';
import { PROCESS_NAMES, type RegisteredNames } from './registered-names.js';

const NONE: readonly AdvisoryName[] = Object.freeze([]);

/** What naming a key may go by. @internal */
export interface NamingContext {
  readonly facts?: NamingFacts;
  /** Of the session that holds or awaits the lock. */
  readonly applicationName?: string | null;
  /** Names that an option gave. */
  readonly names?: RegisteredNames | undefined;
}

/**
 * Who may have taken a key: the name that the application has registered, else the tools that are known to take such a key.
 * Where exactly one of them is confirmed, it is the one.
 *
 * @internal
 */
export function advisoryNamesOf(
  key: AdvisoryKey,
  { facts = NO_FACTS, applicationName = null, names }: NamingContext = {},
): readonly AdvisoryName[] {
  const registered = registeredNamesOf(key, { names });
  if (registered.length > 0) return registered;
  const application = applicationName ?? '';
  const candidates = [
    ...knownKeys(key).map((known) => ({ name: known.name, confirmed: confirms(known, facts, application) })),
    ...DERIVED_KEYS.flatMap((rule) => rule(key, facts, application)),
  ];
  if (candidates.length === 0) return NONE;
  const confirmed = candidates.filter((candidate) => candidate.confirmed);
  const certain = confirmed.length === 1;
  const shown = confirmed.length > 0 ? confirmed : candidates;
  return Object.freeze(uniqueNames(shown).map((name) => Object.freeze({ name, certain })));
}

/** The name that the application has registered for a key, which goes with an id as well. @internal */
export function registeredNamesOf(
  key: AdvisoryKey,
  { names }: Pick<NamingContext, 'names'>,
): readonly AdvisoryName[] {
  const name = names?.nameOf(key) ?? PROCESS_NAMES.nameOf(key);
  return name === undefined ? NONE : Object.freeze([Object.freeze({ name, certain: true })]);
}

function uniqueNames(candidates: readonly Candidate[]): readonly string[] {
  return [...new Set(candidates.map(({ name }) => name))];
}

function knownKeys(key: AdvisoryKey): readonly KnownKey[] {
  if (key.objSubId !== 1) return [];
  const value = int8Of(key);
  return KNOWN_KEYS.filter((known) => known.key === value);
}

function confirms(known: Confirmation, facts: NamingFacts, application: string): boolean {
  const { table, column, schema, extension, application: prefix } = known;
  if (prefix !== undefined) return application.toLowerCase().startsWith(prefix.toLowerCase());
  if (schema !== undefined) return facts.schemas.has(schema);
  if (extension !== undefined) return facts.extensions.has(extension);
  return facts.tables.some(
    ({ name, columns }) => name === table && (column === undefined || columns.includes(column)),
  );
}

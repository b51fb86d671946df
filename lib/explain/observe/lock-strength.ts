import { LOCK_MODES, type LockMode } from '../../vocabulary/lock-mode.js';

/** What statements wait for a lock of each mode that another session holds, most ordinary first. */
const STATEMENTS: Readonly<Record<LockMode, readonly string[]>> = {
  'ACCESS SHARE': ['SELECT'],
  'ROW SHARE': ['SELECT FOR UPDATE'],
  'ROW EXCLUSIVE': ['INSERT', 'UPDATE', 'DELETE'],
  'SHARE UPDATE EXCLUSIVE': ['VACUUM', 'ANALYZE', 'CREATE INDEX CONCURRENTLY'],
  SHARE: ['CREATE INDEX'],
  'SHARE ROW EXCLUSIVE': ['CREATE TRIGGER'],
  EXCLUSIVE: ['REFRESH MATERIALIZED VIEW CONCURRENTLY'],
  'ACCESS EXCLUSIVE': ['ALTER TABLE', 'DROP TABLE', 'TRUNCATE'],
};

/** From which mode on each of the eight is stopped; SHARE alone does not conflict with itself. */
const CONFLICTS: Readonly<Record<LockMode, readonly LockMode[]>> = {
  'ACCESS SHARE': upFrom('ACCESS EXCLUSIVE'),
  'ROW SHARE': upFrom('EXCLUSIVE'),
  'ROW EXCLUSIVE': upFrom('SHARE'),
  'SHARE UPDATE EXCLUSIVE': upFrom('SHARE UPDATE EXCLUSIVE'),
  SHARE: ['ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', ...upFrom('SHARE ROW EXCLUSIVE')],
  'SHARE ROW EXCLUSIVE': upFrom('ROW EXCLUSIVE'),
  EXCLUSIVE: upFrom('ROW SHARE'),
  'ACCESS EXCLUSIVE': LOCK_MODES,
};

function upFrom(mode: LockMode): readonly LockMode[] {
  return LOCK_MODES.slice(LOCK_MODES.indexOf(mode));
}

/** The modes that cannot be held beside this one. @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES @internal */
export function conflictsOf(mode: LockMode): readonly LockMode[] {
  return CONFLICTS[mode];
}

const BLOCKS = Object.fromEntries(
  LOCK_MODES.map((mode) => [
    mode,
    LOCK_MODES.filter((other) => CONFLICTS[other].includes(mode)).flatMap((other) => STATEMENTS[other]),
  ]),
) as unknown as Readonly<Record<LockMode, readonly string[]>>;

/** The statements of other sessions that wait while this mode is held. @internal */
export function blockedBy(mode: LockMode): readonly string[] {
  return BLOCKS[mode];
}

/** Whether the first is the stronger. @internal */
export function isStronger(mode: LockMode, other: LockMode | undefined): boolean {
  return other === undefined || LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf(other);
}

/** @internal */
export function isAtLeast(mode: LockMode, other: LockMode): boolean {
  return LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf(other);
}

/** The strongest of several. @internal */
export function strongestOf(modes: Iterable<LockMode>): LockMode | undefined {
  let strongest: LockMode | undefined;
  for (const mode of modes) if (isStronger(mode, strongest)) strongest = mode;
  return strongest;
}

/** Whether reads (`SELECT`), or writes only, or neither, wait for it. @internal */
export function stops(mode: LockMode): 'reads and writes' | 'writes' | 'row locks and writes' | undefined {
  if (mode === 'ACCESS EXCLUSIVE') return 'reads and writes';
  if (mode === 'EXCLUSIVE') return 'row locks and writes';
  return isAtLeast(mode, 'SHARE') ? 'writes' : undefined;
}

/** `AccessExclusiveLock` is `ACCESS EXCLUSIVE`; undefined for what is no table-level mode. @internal */
export function modeFromCatalog(spelling: string): LockMode | undefined {
  const words = spelling
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
  return LOCK_MODES.find((mode) => mode === words);
}

import { WordCursor } from './word-cursor.js';

/** One action of an ALTER TABLE. @internal */
export interface AlterAction {
  readonly kind:
    | 'add column'
    | 'drop column'
    | 'alter type'
    | 'set not null'
    | 'add constraint'
    | 'drop constraint'
    | 'validate constraint'
    | 'rename'
    | 'rename column'
    | 'attach partition'
    | 'detach partition'
    | 'other';
  /** The column, constraint or partition, as it was written. */
  readonly name: string;
  /** What follows the name, as it was written: the type, the definition. */
  readonly rest: string;
  /** Of a constraint or a column with one: what it is. */
  readonly constraint?:
    'check' | 'foreign key' | 'unique' | 'primary key' | 'exclude' | 'not null' | undefined;
  readonly notValid: boolean;
  readonly usingIndex: boolean;
  readonly hasDefault: boolean;
}

/** An ALTER TABLE, as far as hazards need it. @internal */
export interface AlterTable {
  /** What follows ALTER: `table`, `index`, `view`, … */
  readonly object: string;
  readonly table: string;
  readonly actions: readonly AlterAction[];
}

/** Reads an ALTER TABLE (or VIEW, INDEX, MATERIALIZED VIEW, FOREIGN TABLE); undefined for anything else. @internal */
export function alterTable(sql: string): AlterTable | undefined {
  const cursor = new WordCursor(sql);
  if (!cursor.takes('alter')) return undefined;
  const object = ['foreign table', 'materialized view', 'table', 'index', 'view'].find((words) =>
    cursor.takes(...words.split(' ')),
  );
  if (object === undefined) return undefined;
  cursor.skips('if exists', 'only');
  const table = cursor.name();
  cursor.skips('*');
  return { object, table, actions: cursor.parts().map(actionOf) };
}

const ACTIONS: readonly (readonly [phrase: string, kind: AlterAction['kind']])[] = [
  ['drop constraint', 'drop constraint'],
  ['validate constraint', 'validate constraint'],
  ['attach partition', 'attach partition'],
  ['detach partition', 'detach partition'],
  ['rename to', 'rename'],
  ['rename constraint', 'other'],
  ['rename', 'rename column'],
];

function actionOf(cursor: WordCursor): AlterAction {
  const known = ACTIONS.find(([phrase]) => cursor.takes(...phrase.split(' ')));
  if (known !== undefined) {
    cursor.skips('if exists', 'column');
    return action(known[1], cursor.name(), cursor);
  }
  if (cursor.takes('add')) return added(cursor);
  if (cursor.takes('drop')) {
    cursor.skips('column', 'if exists');
    return action('drop column', cursor.name(), cursor);
  }
  return cursor.takes('alter') ? altered(cursor) : action('other', '', cursor);
}

function altered(cursor: WordCursor): AlterAction {
  if (cursor.sees('constraint')) return action('other', '', cursor);
  cursor.skips('column');
  const name = cursor.name();
  if (cursor.takes('set', 'data', 'type') || cursor.takes('type')) return action('alter type', name, cursor);
  return action(cursor.takes('set', 'not', 'null') ? 'set not null' : 'other', name, cursor);
}

const TABLE_CONSTRAINTS = ['primary key', 'foreign key', 'not null', 'unique', 'check', 'exclude'] as const;

function added(cursor: WordCursor): AlterAction {
  const named = cursor.takes('constraint');
  const name = named ? cursor.name() : '';
  const constraint = TABLE_CONSTRAINTS.find((words) => cursor.sees(...words.split(' ')));
  if (named || constraint !== undefined) return { ...action('add constraint', name, cursor), constraint };
  cursor.skips('column', 'if not exists');
  const column = action('add column', cursor.name(), cursor);
  const inline = cursor.has('references') ? ('foreign key' as const) : inlineConstraint(cursor);
  return { ...column, constraint: inline };
}

function inlineConstraint(cursor: WordCursor): AlterAction['constraint'] {
  if (cursor.has('primary', 'key')) return 'primary key';
  if (cursor.has('unique')) return 'unique';
  return cursor.has('check') ? 'check' : undefined;
}

function action(kind: AlterAction['kind'], name: string, cursor: WordCursor): AlterAction {
  return {
    kind,
    name,
    rest: cursor.rest(),
    notValid: cursor.has('not', 'valid'),
    usingIndex: cursor.has('using', 'index'),
    hasDefault:
      cursor.has('default') || cursor.has('generated') || /^\s*(small|big)?serial/i.test(cursor.rest()),
  };
}

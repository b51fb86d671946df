import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';
import type { Duration } from '../vocabulary/duration.js';
import type { PgActivity } from './pg-activity.js';
import type { BlockedPgLock, PgLock } from './pg-lock.js';

/** The comparisons of a value that has no order. @publicApi */
export interface EqualityOperators<V> {
  /** Any of these. */
  readonly in?: readonly V[];
  /** Whether there is no value. */
  readonly isNull?: boolean;
  /** Everything but this, rows without a value included. */
  readonly not?: Condition<V>;
}

/** The comparisons of a text. @publicApi */
export interface TextOperators extends Omit<EqualityOperators<string>, 'not'> {
  /** Matches SQL's `LIKE`: `%` is any text, `_` any character, case counts. */
  readonly like?: string;
  /** Everything but this, rows without a value included. */
  readonly not?: TextCondition;
}

/** The comparisons of a number, a moment or a span of time. @publicApi */
export interface OrderOperators<V> extends Omit<EqualityOperators<V>, 'not'> {
  /** Above this. */
  readonly gt?: V;
  /** This or above. */
  readonly gte?: V;
  /** Below this. */
  readonly lt?: V;
  /** This or below. */
  readonly lte?: V;
  /** Everything but this, rows without a value included. */
  readonly not?: OrderCondition<V>;
}

/** A value, `null` for none, or operators, all of which must hold. @publicApi */
export type Condition<V> = V | null | EqualityOperators<V>;
/** A text, `null` for none, or operators, all of which must hold. @publicApi */
export type TextCondition<V extends string = string> = V | null | TextOperators;
/** A value, `null` for none, or operators, all of which must hold. @publicApi */
export type OrderCondition<V> = V | null | OrderOperators<V>;

type Durations = 'duration' | 'xactDuration' | 'waitDuration';
type Plain<T> = NonNullable<T>;

/** What may be said about an attribute, by what it holds. */
type ConditionOn<Name, T> = Name extends Durations
  ? OrderCondition<Duration>
  : Name extends 'context'
    ? TextCondition
    : Name extends 'advisoryId'
      ? Condition<LockId>
      : Name extends 'advisoryKey'
        ? Condition<AdvisoryKey>
        : Plain<T> extends boolean
          ? Condition<boolean>
          : Plain<T> extends number
            ? OrderCondition<number>
            : Plain<T> extends Date
              ? OrderCondition<Date | string>
              : Plain<T> extends string
                ? TextCondition<Plain<T>>
                : never;

type WhereOf<Model> = {
  readonly [Name in keyof Model]?: Plain<Model[Name]> extends PgActivity
    ? PgActivityWhere
    : ConditionOn<Name, Model[Name]>;
};

/**
 * Which sessions are meant. All conditions must hold. `context` compares the raw text of the comment.
 *
 * @publicApi
 */
export type PgActivityWhere = { readonly [Name in keyof PgActivity]?: ConditionOn<Name, PgActivity[Name]> };

/** Which locks are meant. All conditions must hold. @publicApi */
export type PgLockWhere = WhereOf<PgLock>;

/** Which blocked locks, and which blockers, are meant. All conditions must hold. @publicApi */
export type BlockedPgLockWhere = WhereOf<BlockedPgLock>;

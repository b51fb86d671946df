import type { CanActivate, Type } from '@nestjs/common';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { kind, OptionReader } from '../options/option-reader.js';
import { printable } from '../vocabulary/printable.js';
import type {
  AuthorizeDashboard,
  PgLockDashboardOptions,
  ResolvedDashboardOptions,
} from './dashboard-options.js';

const OPTIONS: readonly (keyof PgLockDashboardOptions)[] = [
  'path',
  'authorize',
  'guards',
  'allowSignals',
  'history',
  'connections',
  'hideQueries',
];
const LONGEST_HISTORY_MS = 24 * 60 * 60_000;

/**
 * Checks the options of the dashboard and fills in the defaults.
 *
 * @throws {PgLockConfigurationError} when an option is unknown or its value not allowed.
 * @internal
 */
export function resolveDashboardOptions(options: unknown): ResolvedDashboardOptions {
  const given = new OptionReader<PgLockDashboardOptions>(options, 'dashboard', OPTIONS);
  const authorize = authorizeOf(given);
  const allowSignals = given.flag('allowSignals') ?? false;
  if (allowSignals && authorize === false)
    throw new PgLockConfigurationError(
      'PgLockModule: dashboard.allowSignals needs dashboard.authorize: with `authorize: false` anybody could end any session.',
    );
  const historyMs = given.ms('history', 1) ?? null;
  if (historyMs !== null && historyMs > LONGEST_HISTORY_MS)
    throw given.refuse('history', 'at most a day', printable(given.raw('history')));
  return Object.freeze({
    path: pathOf(given),
    authorize,
    guards: given.check('guards', 'a list of guards, by class or made', isGuards) ?? [],
    allowSignals,
    historyMs,
    connections: given.check('connections', 'a list of names of databases that is not empty', isNames),
    hideQueries: given.flag('hideQueries') ?? false,
  });
}

function authorizeOf(given: OptionReader<PgLockDashboardOptions>): AuthorizeDashboard | false {
  const fits = (value: unknown): value is AuthorizeDashboard | false =>
    value === false || typeof value === 'function';
  const allowed =
    'a function of the request that returns true or a name for those who may look; or `false`, which lets everyone look';
  const authorize = given.check('authorize', allowed, fits, kind);
  if (authorize === undefined) throw given.refuse('authorize', allowed, 'nothing');
  return authorize;
}

function pathOf(given: OptionReader<PgLockDashboardOptions>): string {
  const isPath = (value: unknown): value is string =>
    typeof value === 'string' &&
    /^\/?(?:[\w.~-]+\/?)*$/.test(value) &&
    !/(?:^|\/)\.{1,2}(?:\/|$)/.test(value);
  const path =
    given.check('path', "a path of letters, digits, '-', '_', '.', '~' and '/', such as '/pglock'", isPath) ??
    '/pglock';
  const bare = path.replace(/^\/+|\/+$/g, '');
  return bare === '' ? '' : `/${bare}`;
}

function isGuards(value: unknown): value is readonly (Type<CanActivate> | CanActivate)[] {
  return Array.isArray(value) && value.every((guard) => typeof guard === 'function' || isGuard(guard));
}

function isGuard(value: unknown): value is CanActivate {
  return (
    typeof value === 'object' &&
    value !== null &&
    'canActivate' in value &&
    typeof value.canActivate === 'function'
  );
}

function isNames(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')
  );
}

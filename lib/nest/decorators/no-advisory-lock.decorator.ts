import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** Under which `@NoAdvisoryLock()` leaves its word. @internal */
export const NO_ADVISORY_LOCK = 'nestjs-pglock:no-advisory-lock';

/**
 * Declares that a method is meant to run without the lock of the method that it overrides. Without it, the boot is refused
 * where Nest would run an override that lost its `AdvisoryLock` or `@WithAdvisoryLock`.
 *
 * @example `@Cron('0 2 * * *') @NoAdvisoryLock() override exportAll() {}`
 * @publicApi
 */
export function NoAdvisoryLock(): CustomDecorator {
  return SetMetadata(NO_ADVISORY_LOCK, true);
}

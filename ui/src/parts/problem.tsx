import type { JSX } from 'preact';
import { WarningIcon } from './icons.js';

/** Why something cannot be shown at this moment. */
export function Problem({ error }: { readonly error: string | undefined }): JSX.Element | null {
  if (error === undefined) return null;
  return (
    <p class="notice notice-problem" role="alert">
      <WarningIcon /> {error} Trying again.
    </p>
  );
}

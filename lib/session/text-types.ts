import type { CustomTypesConfig } from 'pg';

/** Values stay as the server writes them: parsers that an application has set for all of `pg` do not matter. @internal */
export const AS_TEXT = {
  getTypeParser: () => (value: unknown) => value,
} as unknown as CustomTypesConfig;

/** Where a query class of ours says what it begins with. Under `text` wrappers of `query` would copy it as a plain object. @internal */
export const FIRST_TEXT = Symbol('nestjs-pglock first statement');

/** The text of what is handed to `client.query()`; empty where there is none. @internal */
export function statementText(query: unknown): string {
  if (typeof query === 'string') return query;
  const { text, [FIRST_TEXT]: first } = (query ?? {}) as { text?: unknown; [FIRST_TEXT]?: unknown };
  if (typeof first === 'string') return first;
  return typeof text === 'string' ? text : '';
}

/** What application code attached to a query: keys such as `route`, `job`, `url`, `traceparent`. @publicApi */
export type QueryContext = Readonly<Record<string, unknown>>;

/**
 * Reads what application code attached: a comment of the sqlcommenter kind (`/*route='%2Forders',…*\/`), django-pgactivity's
 * (`/*pga_context={…}*\/`), and an `application_name` such as `api;route=GET /orders`.
 *
 * @see https://google.github.io/sqlcommenter/spec/
 * @internal
 */
export function readContext(comment: string | null, applicationName: string | null): QueryContext | null {
  const context = { ...fromApplicationName(applicationName), ...fromComment(comment) };
  return Object.keys(context).length === 0 ? null : Object.freeze(context);
}

const SQL_COMMENTER_PAIR = /([^\s,=']+)\s*=\s*'((?:[^'\\]|\\.)*)'/g;

function fromComment(comment: string | null): Record<string, unknown> {
  if (comment === null) return {};
  const [, json] = /^\s*pga_context=(.*)$/s.exec(comment) ?? [];
  if (json !== undefined) return parsedObject(json);
  const pairs = [...comment.matchAll(SQL_COMMENTER_PAIR)];
  return Object.fromEntries(pairs.map(([, key = '', value = '']) => [decoded(key), decoded(value)]));
}

function fromApplicationName(name: string | null): Record<string, unknown> {
  const [, ...parts] = name?.split(';') ?? [];
  const pairs = parts
    .map((part) => part.split(/=(.*)/s))
    .filter(([key, value]) => key && value !== undefined);
  return Object.fromEntries(pairs.map(([key = '', value]) => [key.trim(), value]));
}

function parsedObject(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : { context: value };
  } catch {
    return { context: json.trim() };
  }
}

/** sqlcommenter escapes quotes and encodes everything else as in a URL. */
function decoded(text: string): string {
  const unescaped = text.replace(/\\(.)/g, '$1');
  try {
    return decodeURIComponent(unescaped);
  } catch {
    return unescaped;
  }
}

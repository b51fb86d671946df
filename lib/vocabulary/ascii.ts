const BEYOND_ASCII = /[^\0-\x7f]/g;

/**
 * JSON of ASCII characters only, which a database of any encoding takes: a server whose encoding lacks one of the characters
 * refuses the whole statement (22P05).
 *
 * @see https://www.postgresql.org/docs/current/multibyte.html
 * @internal
 */
export function asciiJson(value: unknown): string {
  return ascii(JSON.stringify(value));
}

/** A text of ASCII characters only: others as JSON escapes them. @internal */
export function ascii(text: string): string {
  return text.replace(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

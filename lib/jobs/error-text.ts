/** The longest text of an error that travels, or is recorded. */
const LONGEST = 200;

/** What an error says, for other replicas and the ledger: its name and message, cut, without quoted or numeric literals. @internal */
export function errorText(error: unknown): string {
  const text =
    error instanceof Error
      ? `${error.name}: ${error.message}`
      : typeof error === 'string'
        ? error
        : 'an error';
  const plain = text
    .replace(/'(?:[^']|'')*'/g, "'…'")
    .replace(/\$([A-Za-z_]*)\$.*?\$\1\$/gs, '…')
    .replace(/\b\d[\d.]{3,}\b/g, '…')
    // NUL is no character of a column.
    .replace(/[\s\0-\x1f\x7f]+/g, ' ')
    .trim();
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST - 1)}…` : plain;
}

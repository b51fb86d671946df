/** Puts a section between its markers in docs/reliability.md. */
export function writeSection(name: string, markdown: string): Promise<void>;

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string;

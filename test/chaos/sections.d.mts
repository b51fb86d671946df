/** Puts a section between its markers in a page: docs/reliability.md, unless it is another. */
export function writeSection(name: string, markdown: string, page?: string): Promise<void>;

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string;

import type { ComponentChildren, JSX } from 'preact';

/** A column: what stands at its head, and what a row has there. The first names its row. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Stands at the right, as figures do. */
  readonly isNumber?: boolean;
  readonly classOf?: (row: Row) => string;
  /** What is at its head in place of the title. */
  readonly head?: ComponentChildren;
  readonly sorted?: 'descending' | 'none';
}

interface Properties<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row, index: number) => string;
  readonly caption?: string;
  readonly classOf?: (row: Row) => string;
}

/** Rows and columns; where there is no room for columns, a list of rows with the titles beside the values. */
export function Table<Row>({ columns, rows, keyOf, caption, classOf }: Properties<Row>): JSX.Element {
  return (
    <table>
      {caption !== undefined && <caption class="visually-hidden">{caption}</caption>}
      <thead>
        <tr>
          {columns.map(({ title, head, sorted, isNumber }) => (
            <th key={title} scope="col" aria-sort={sorted} class={isNumber === true ? 'number' : ''}>
              {head ?? title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={keyOf(row, index)} class={classOf?.(row) ?? ''}>
            {columns.map((column, place) => (
              <Cell key={column.title} column={column} row={row} isName={place === 0} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<Row>({
  column: { title, cell, isNumber = false, classOf },
  row,
  isName,
}: {
  readonly column: Column<Row>;
  readonly row: Row;
  readonly isName: boolean;
}): JSX.Element {
  const classes = [isNumber ? 'number' : '', classOf?.(row) ?? ''].filter(Boolean).join(' ');
  if (isName)
    return (
      <th scope="row" data-label={title} class={classes}>
        {cell(row)}
      </th>
    );
  return (
    <td data-label={title} class={classes}>
      {cell(row)}
    </td>
  );
}

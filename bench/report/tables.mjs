/** Tables as text for the terminal. */
export function asText({ title, head, rows, note }) {
  const all = [head, ...rows].map((row) => row.map((cell) => String(cell ?? '').replaceAll('`', '')));
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '));
  return ['', title, '', ...lines, ...(note === undefined ? [] : ['', note])].join('\n');
}

/** The same tables for Markdown. */
export function asMarkdown({ title, head, rows, note }, heading = '###') {
  const line = (row) => `| ${row.map((cell) => cell ?? '').join(' | ')} |`;
  return [
    ...(heading === '' ? [] : [`${heading} ${title}`, '']),
    line(head),
    line(head.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...rows.map(line),
    ...(note === undefined ? [] : ['', note]),
  ].join('\n');
}

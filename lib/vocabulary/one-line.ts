/** Everything below a blank, DEL and the second set of controls: what clients name themselves is not ours. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A text on one line, and without anything that would steer a terminal. @internal */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(CONTROL, '').trim();
}

/** Several lines, without anything that would steer a terminal. @internal */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.replaceAll('\t', '    ').replace(CONTROL, ''));
}

/** What the keys do. No line is wider than 80 columns. @internal */
export const HELP: readonly string[] = [
  '',
  '  up down j k     choose; also page up, page down, home, end',
  '  space           mark, to signal several at once',
  '  v               the next view: blocked, locks, tree',
  '  s               the next order: culprit first, longest wait, longest statement, pid',
  '  e               everything there is about what is chosen',
  '  /               a filter, such as activity.user=app and activity.duration>=5s',
  '                  (arrows, home, end, ctrl-u edit it; enter takes it, escape does not)',
  '  c               cancel the statement of what is marked, or chosen; asks first',
  '  t               terminate the session of what is marked, or chosen; asks first',
  '  p  r            pause; look now',
  '  ?               this page',
  '  q  ctrl-c       quit',
  '',
  '  In the view "blocked" the chosen session is the blocker, in "locks" and "tree" the',
  '  session of the line.',
];

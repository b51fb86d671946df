/**
 * The child's side of remote.mjs: answers calls with these functions until `stop`, or until the bench is gone.
 *
 * @param functions by name; `stop` tidies up before the process ends.
 */
export function serve(functions) {
  const all = { ready: () => undefined, stop: () => undefined, ...functions };
  process.on('message', ({ id, name, argument }) => {
    Promise.resolve()
      .then(() => all[name](argument))
      .then(
        (result) => process.send({ id, result }),
        (error) => process.send({ id, error: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => {
        if (name === 'stop') process.disconnect();
      });
  });
  process.on('disconnect', () => process.exit());
}

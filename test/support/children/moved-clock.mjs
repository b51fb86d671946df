// Moves the wall clock of this process by CLOCK_OFFSET_MS. Imported before anything else.
const offsetMs = Number(process.env.CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;

class MovedDate extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offsetMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
}

if (offsetMs !== 0) globalThis.Date = MovedDate;

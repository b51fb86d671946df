// Leadership and permits that are broken on purpose, each in one place: patches of the built package in one process of a test.
const built = (file) => import(`../../build/${file}.js`);

/** @type {Record<string, () => Promise<void>>} */
export const HAMMER_MUTANTS = {
  /** A leader that is not told of its loss. */
  async deafLeader() {
    const { Term } = await built('leadership/term');
    Object.defineProperty(Term.prototype, 'held', { get: () => true });
    Term.prototype.lose = () => undefined;
  },

  /** Leads without asking. */
  async anyLeads() {
    const { Leaders } = await built('leadership/leaders');
    const { lead } = Leaders.prototype;
    Leaders.prototype.lead = function (name, options, work) {
      return lead.call(this, `${name} ${process.pid}`, options, work);
    };
  },

  /** One permit more than was asked for. */
  async onePermitMore() {
    const { PermitLimits } = await built('locks/permit-limits');
    PermitLimits.prototype.of = (_key, permits) => permits + 1;
  },

  /** All that wait ask for a permit at once, in no order. */
  async noQueue() {
    const { Permits } = await built('locks/permits');
    Permits.prototype.waitFor = async function (one, _queue, call) {
      for (;;) {
        const free = await this.anyFree(one, call);
        if (free !== undefined) return free;
        if (call.signal?.aborted === true) throw call.signal.reason;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
  },
};

/** @import { TimedEvent } from "./index.d.ts" */

const policies = ["skip", "once", "all"];

/**
 * Refuses what could not be said to the host. Whether a cron expression is one is the host's to say.
 *
 * @param {readonly TimedEvent[]} timetable
 */
export function check(timetable) {
  for (const { event, cron, every, offset, at, missed } of timetable) {
    if ([cron, every, at].filter((given) => given !== undefined).length !== 1)
      throw new TypeError(`the timetable says when ${event} is due by one of \`cron\`, \`every\` and \`at\``);
    for (const [name, length] of Object.entries({ every, offset })) {
      if (length !== undefined && !(Number.isSafeInteger(length) && length >= 0))
        throw new TypeError(`\`${name}\` of ${event} is not a whole number of milliseconds: ${length}`);
    }
    if (at !== undefined && Number.isNaN(at.getTime())) throw new TypeError(`\`at\` of ${event} is no date`);
    if (missed !== undefined && !policies.includes(missed))
      throw new TypeError(`\`missed\` of ${event} is ${missed}, and not one of ${policies.join(", ")}`);
  }
}

/**
 * An event and its schedule as the contract has them.
 *
 * @param {TimedEvent} timed
 */
export function written({ event, cron, every, offset = 0, at, zone, missed = "once" }) {
  return { event, schedule: schedule(), zone: zone ?? null, missed };

  function schedule() {
    if (cron !== undefined) return { tag: "cron", val: cron };
    if (every !== undefined) return { tag: "every", val: { length: every, offset } };
    // What is before 1970 is past, as 1970 is.
    return { tag: "at", val: Math.max(0, at?.getTime() ?? 0) };
  }
}

/** @import { Announcement, Assignment, Event, FailedAttempt, Message, Plugin, Task } from "./index.d.ts" */
/** @import * as contract from "./contract.d.ts" */
/** @import { Host } from "./host.js" */
import { description } from "./description.js";
import { failure, Reject } from "./failure.js";
import { within } from "./host.js";
import { log } from "./log.js";
import { parsed } from "./payload.js";
import { deliver } from "./subscriber.js";
import { synchronous } from "./synchronous.js";
import { json, tasks } from "./task.js";
import { written as timed } from "./timetable.js";
import { carryOut } from "./worker.js";

/**
 * What a component exports, made of a plugin. All but `manifest` are there only if the author wrote them.
 *
 * @param {Plugin} plugin
 * @param {{ version: string, summary: string }} project what `package.json` says
 * @param {() => Host} reach gives the host, at each call
 */
export function component(plugin, project, reach) {
  const { subscribers, workers, recover, healthy, timetable } = plugin;
  return {
    manifest: {
      describe: () => within(reach(), () => description(plugin, project)),
    },
    subscriber:
      subscribers.length === 0
        ? undefined
        : {
            /** @param {contract.Event} event */
            onEvent: (event) => within(reach(), () => onEvent(plugin, event)),
          },
    worker:
      workers.length === 0
        ? undefined
        : {
            /** @param {contract.Assignment} task */
            perform: (task) => within(reach(), () => onTask(plugin, task)),
          },
    recovery: recover && {
      /**
       * @param {contract.Message} message
       * @param {contract.FailedAttempt[]} attempts
       */
      recover: (message, attempts) => within(reach(), () => onDead(recover, message, attempts)),
    },
    probe: healthy && {
      healthy: () => within(reach(), () => reasoned(() => void synchronous(healthy(), "`healthy`"))),
    },
    timekeeper:
      timetable.length === 0
        ? undefined
        : {
            timetable: () => timetable.map(timed),
          },
  };
}

/**
 * @param {Plugin} plugin
 * @param {contract.Event} event
 */
function onEvent(plugin, event) {
  try {
    const subscriber = plugin.subscribers.find((one) => one.event === event.name);
    if (!subscriber) throw new Reject(`the plugin has no subscriber of ${event.name}`);
    return deliver(subscriber, readEvent(event)).map(writeTask);
  } catch (thrown) {
    throw writeFailure(thrown);
  }
}

/**
 * @param {Plugin} plugin
 * @param {contract.Assignment} task
 * @returns {contract.Performed}
 */
function onTask(plugin, task) {
  try {
    const worker = plugin.workers.find((one) => one.task === task.name);
    if (!worker) throw new Reject(`the plugin has no worker of ${task.name}`);
    const { announcements, tasks } = carryOut(worker, readAssignment(task));
    return { announcements: announcements.map(writeAnnouncement), tasks: tasks.map(writeTask) };
  } catch (thrown) {
    throw writeFailure(thrown);
  }
}

/**
 * @param {NonNullable<Plugin["recover"]>} recover
 * @param {contract.Message} message
 * @param {contract.FailedAttempt[]} attempts
 */
function onDead(recover, message, attempts) {
  return reasoned(() => tasks(recover(readMessage(message), attempts.map(readAttempt)), "`recover`").map(writeTask));
}

/**
 * Runs `work`; what it throws becomes a text, which is the contract's error here.
 *
 * @template T
 * @param {() => T} work
 */
function reasoned(work) {
  try {
    return work();
  } catch (thrown) {
    throw told(thrown).message;
  }
}

/**
 * The failure in what was thrown. Where an error was, the log tells the place.
 *
 * @param {unknown} thrown
 */
function told(thrown) {
  const given = failure(thrown);
  const { cause } = given;
  if (cause instanceof Error) log.debug(placed(cause));
  return given;
}

/**
 * An error and where it was. Node's stacks begin with the error's text, the component's engine's do not.
 *
 * @param {Error} error
 */
function placed(error) {
  const { stack = "" } = error;
  return (stack.startsWith(String(error)) ? stack : `${error}\n${stack}`).trimEnd();
}

/**
 * @param {unknown} thrown
 * @returns {contract.Failure}
 */
function writeFailure(thrown) {
  const given = told(thrown);
  if (given instanceof Reject) return { tag: "reject", val: given.message };
  return { tag: "retry", val: { reason: given.message, after: given.delay ?? null } };
}

/**
 * @param {Task} task
 * @returns {contract.Task}
 */
function writeTask({ name, payload, key, headers }) {
  const text = json(payload, `the task ${name}`);
  return {
    name,
    payload: text,
    key: key === undefined || key === null ? null : String(key),
    headers: written(headers),
  };
}

/**
 * @param {Announcement} announcement
 * @returns {contract.Announcement}
 */
function writeAnnouncement({ event, payload, headers }) {
  return { name: event, payload: json(payload, `the event ${event}`), headers: written(headers) };
}

/**
 * @param {Readonly<Record<string, string>>} [headers]
 * @returns {contract.Header[]}
 */
function written(headers = {}) {
  return Object.entries(headers).map(([name, value]) => ({ name, value: String(value) }));
}

/** @param {contract.Header[]} headers */
function readHeaders(headers) {
  return Object.fromEntries(headers.map(({ name, value }) => [name, value]));
}

/**
 * @param {contract.Event} event
 * @returns {Event<string>}
 */
function readEvent(event) {
  return { ...event, source: event.source ?? null, time: new Date(event.time), headers: readHeaders(event.headers) };
}

/**
 * @param {contract.Assignment} task
 * @returns {Assignment<string>}
 */
function readAssignment(task) {
  return { ...task, key: task.key ?? null, time: new Date(task.time), headers: readHeaders(task.headers) };
}

/**
 * @param {contract.Message} message
 * @returns {Message}
 */
function readMessage(message) {
  const payload = parsed(message.val.payload);
  if (message.tag === "event") return { kind: "event", ...readEvent(message.val), payload };
  return { kind: "task", ...readAssignment(message.val), payload };
}

/**
 * @param {contract.FailedAttempt} attempt
 * @returns {FailedAttempt}
 */
function readAttempt(attempt) {
  return { ...attempt, time: new Date(attempt.time) };
}

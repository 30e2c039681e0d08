/** @import { Announcement, Assignment, Task, Worker } from "./index.d.ts" */
import { isAnnouncement } from "./announcement.js";
import { payloadOptions, readPayload } from "./payload.js";
import { refuseAsync } from "./synchronous.js";
import { isTask, returned } from "./task.js";

/**
 * @param {string} task
 * @param {any[]} rest
 * @returns {Worker}
 */
export function perform(task, ...rest) {
  const handler = rest.pop();
  refuseAsync(handler, `the handler of ${task}`);
  const { schema, payload } = payloadOptions(rest[0]);
  return { task, schema, payload, handler };
}

/**
 * Hands a task to its worker.
 *
 * @param {Worker} worker
 * @param {Assignment<string>} assignment with its payload still JSON text
 * @returns {{ announcements: Announcement[], tasks: Task[] }}
 */
export function carryOut(worker, assignment) {
  const payload = readPayload(assignment.payload, worker.payload);
  const handler = `the handler of ${assignment.name}`;
  const announcements = [];
  const tasks = [];
  for (const one of returned(worker.handler({ ...assignment, payload }), handler)) {
    if (isAnnouncement(one)) announcements.push(one);
    else if (isTask(one)) tasks.push(one);
    else throw new TypeError(`${handler} returned ${JSON.stringify(one)}, which is neither an announcement nor a task`);
  }
  return { announcements, tasks };
}

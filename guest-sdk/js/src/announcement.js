/** @import { Announcement, AnnouncementOptions } from "./index.d.ts" */

/**
 * @param {string} event
 * @param {unknown} payload
 * @param {AnnouncementOptions} [options]
 * @returns {Announcement}
 */
export function announce(event, payload, options = {}) {
  return { event, payload, ...options };
}

/**
 * @param {unknown} value
 * @returns {value is Announcement}
 */
export function isAnnouncement(value) {
  return (
    typeof value === "object" &&
    value !== null &&
    "event" in value &&
    typeof value.event === "string" &&
    "payload" in value
  );
}

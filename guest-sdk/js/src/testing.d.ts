/** For an author's tests, natively: runs a plugin as the host would. */

import type { Assignment, Event, FailedAttempt, Plugin } from "./index.d.ts";

/** What the operator set and granted. */
export interface World {
  /** Settings and secrets, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Answers each request that a worker sends. What it throws is why there is no answer. */
  readonly http?: (request: SentRequest) => GivenResponse;
  /** The buckets that are granted, by name. A test sees in them what the worker has set. */
  readonly buckets?: Readonly<Record<string, Map<string, string | Uint8Array>>>;
}

/** A request as the host gets it. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as UTF-8; empty if there is none. */
  readonly body: string;
}

/** An answer: by default an empty one of status 200. */
export interface GivenResponse {
  readonly status?: number;
  /** By their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is neither text nor bytes is written as JSON. */
  readonly body?: unknown;
}

/** A task as the host got it: its payload written as JSON and read again. */
export interface EmittedTask {
  name: string;
  payload: unknown;
  key?: string;
  headers?: Record<string, string>;
}

/** An event as the host got it. */
export interface AnnouncedEvent {
  name: string;
  payload: unknown;
  headers?: Record<string, string>;
}

/** Why a delivery came to nothing, as a case file's `expect` has it. */
export type Failed = { retry: { reason: string; after?: number } } | { reject: string };

/** What the delivery of an event came to, as a case file's `expect` has it. */
export type Outcome = { tasks: EmittedTask[] } | Failed;

/** What the delivery of a task came to, as a case file's `expect` has it. */
export type Performed = { events: AnnouncedEvent[]; tasks: EmittedTask[] } | Failed;

/** A name, a payload, and what else matters; the rest is something plausible. */
export type Sample<Whole extends { name: string; payload: unknown }> = Pick<Whole, "name" | "payload"> & Partial<Whole>;

/**
 * Delivers an event. The payload is written as JSON and read again, so that a test sees what comes of a payload as
 * publishers write it. Log lines go to standard error.
 */
export function deliver(plugin: Plugin, event: Sample<Event>, world?: World): Outcome;

/** Delivers a task to the plugin's worker, as {@link deliver} does an event. */
export function perform(plugin: Plugin, task: Sample<Assignment>, world?: World): Performed;

/** Runs the plugin's `recover`: the tasks that it emits, or the error that it ends with. */
export function recover(
  plugin: Plugin,
  message: Sample<Event> | ({ kind: "task" } & Sample<Assignment>),
  attempts?: readonly Partial<FailedAttempt>[],
  world?: World,
): { tasks: EmittedTask[] } | { error: string };

/** Runs the plugin's `healthy`: nothing if it is well, or else the reason. */
export function healthy(plugin: Plugin, world?: World): string | undefined;

/** The records of `wit/` as the component's engine hands them over, and the interfaces that a component imports. */

export interface Header {
  name: string;
  value: string;
}

export interface Event {
  name: string;
  id: string;
  tid: string;
  time: number;
  source: string | null;
  payload: string;
  headers: Header[];
}

export interface Task {
  name: string;
  payload: string;
  key: string | null;
  headers: Header[];
}

export interface Assignment {
  name: string;
  id: string;
  tid: string;
  time: number;
  attempt: number;
  payload: string;
  key: string | null;
  headers: Header[];
}

export interface Announcement {
  name: string;
  payload: string;
  headers: Header[];
}

export interface Performed {
  announcements: Announcement[];
  tasks: Task[];
}

export interface FailedAttempt {
  attempt: number;
  time: number;
  version: string;
  reason: string;
}

export type Message = { tag: "event"; val: Event } | { tag: "task"; val: Assignment };

export type Failure = { tag: "retry"; val: { reason: string; after: number | null } } | { tag: "reject"; val: string };

export interface Imports extends Partial<Granted> {
  /** `leveret:plugin/log` */
  log: { log(level: string, line: string): void };
  /** `wasi:config/store` */
  store: { get(key: string): string | null };
  /** `wasi:random/random` */
  random: { getRandomBytes(count: number): Uint8Array };
  /** `wasi:random/insecure` */
  insecure: { getInsecureRandomBytes(count: number): Uint8Array };
}

/** What a component imports only if its plugin uses it, since the operator must grant it. */
export interface Granted {
  http: Http;
  keyvalue: KeyValue;
}

/** What is dropped by hand, since what it came from may go only after it. */
export interface Resource {
  [Symbol.dispose](): void;
}

/** The part of `wasi:http` that {@link "./http.js"} uses. Where the contract has a result, its error is thrown. */
export interface Http {
  types: {
    Fields: { fromList(entries: [string, Uint8Array][]): Fields };
    OutgoingRequest: new (headers: Fields) => OutgoingRequest;
    OutgoingBody: { finish(body: OutgoingBody, trailers: null): void };
    RequestOptions: new () => RequestOptions;
    httpErrorCode(error: StreamFailure): ErrorCode | null;
  };
  outgoing: { handle(request: OutgoingRequest, options: RequestOptions | null): FutureResponse };
}

interface Fields extends Resource {
  entries(): [string, Uint8Array][];
}

interface OutgoingRequest extends Resource {
  setMethod(method: { tag: string; val?: string }): void;
  setScheme(scheme: { tag: string }): void;
  setAuthority(authority: string): void;
  setPathWithQuery(path: string): void;
  body(): OutgoingBody;
}

export interface OutgoingBody extends Resource {
  write(): OutputStream;
}

interface OutputStream extends Resource {
  blockingWriteAndFlush(bytes: Uint8Array): void;
}

/** Durations in nanoseconds. */
interface RequestOptions {
  setConnectTimeout(duration: number): void;
  setFirstByteTimeout(duration: number): void;
  setBetweenBytesTimeout(duration: number): void;
}

export interface FutureResponse extends Resource {
  subscribe(): { block(): void } & Resource;
  get(): Result<Result<IncomingResponse, ErrorCode>, unknown> | null;
}

type Result<Ok, Error> = { tag: "ok"; val: Ok } | { tag: "err"; val: Error };

export interface IncomingResponse extends Resource {
  status(): number;
  headers(): Fields;
  consume(): { stream(): InputStream } & Resource;
}

export interface InputStream extends Resource {
  blockingRead(count: number): Uint8Array;
}

export interface StreamFailure extends Resource {
  toDebugString(): string;
}

/** What a stream throws: it has ended, or it failed. */
export type StreamError = { tag: "closed" } | { tag: "last-operation-failed"; val: StreamFailure };

export type HeaderError = { tag: "invalid-syntax" | "forbidden" | "immutable" };

export type ErrorCode = { tag: string; val?: unknown };

/** `wasi:keyvalue`. */
export interface KeyValue {
  store: { open(name: string): Bucket };
  atomics: { increment(bucket: Bucket, key: string, delta: number): number };
}

export interface Bucket {
  get(key: string): Uint8Array | null;
  set(key: string, value: Uint8Array): void;
  delete(key: string): void;
  exists(key: string): boolean;
  listKeys(cursor: number | null): { keys: string[]; cursor: number | null };
}

export type KeyValueError = { tag: "no-such-store" } | { tag: "access-denied" } | { tag: "other"; val: string };

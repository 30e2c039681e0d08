/** HTTP for workers, to the hosts that the operator grants. It blocks: there is nothing to await. */

/** What a request may have beside its URL. */
export interface RequestOptions {
  /** Default: `GET`, or `POST` if there is a body. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The body; text is sent as UTF-8. */
  readonly body?: string | Uint8Array | undefined;
  /** The body as a value that is sent as JSON, with a `content-type` that says so. */
  readonly json?: unknown;
  /**
   * The longest to wait for a connection, for the answer's beginning, and for each further part of it, in milliseconds.
   * The operator's limits hold in any case.
   */
  readonly timeout?: number | undefined;
}

/** An answer, whole. */
export interface Response {
  readonly status: number;
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  /** The headers by their names in lower case. What comes several times is joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  text(): string;
  /** The body as JSON. */
  json(): any;
}

/**
 * Sends a request and waits for the whole answer, whatever its status is.
 *
 * @param url `https://…`, or `http://…` where the operator grants that
 * @throws {HttpError} if there is no answer: not granted, not reached, too late, too large
 */
export function send(url: string, options?: RequestOptions): Response;

/** Why there was no answer. Not caught, it has the task tried again, with its message as the reason. */
export class HttpError extends Error {
  /** The `error-code` of `wasi:http`, such as `HTTP-request-denied`, if the host gave one. */
  readonly code: string | undefined;
  constructor(message: string, code?: string);
}

/** What connectors take from outside: credentials that lie in the environment, the clock, and the way to a token. */
export interface ConnectorEnvironment {
  /** Environment variables, for credentials that Google's conventions put there. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Bare origin of the built-in demo upstream, where one runs. */
  readonly demoUrl?: string;
}

/** A counter as people see it: calls at once, requests in a span of time, or both. */
export interface CounterView {
  readonly name: string;
  /** Calls that hold a place now. */
  readonly value: number;
  /** Places, as a route asked for them last; 0: only requests are counted. */
  readonly limit: number;
  /** Requests of the span that ends now, with those that are lent to nodes. */
  readonly used: number;
  /** Of requests, and for how long; both 0: only calls are counted. */
  readonly requests: number;
  readonly perMs: number;
  /** Who holds a place, the first first. */
  readonly holders: readonly { readonly callId: string; readonly sinceMs: number }[];
}

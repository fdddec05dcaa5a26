/** What a plan depends on besides the statement and the tables. */
export interface PlanContext {
  /** The statement's time, milliseconds since 1970 UTC: what `now()` and `current_date` stand for. */
  readonly nowMs: number;
  /** Values of `$1`, `$2`, … as text; each takes its type from where it stands, like a quoted literal. */
  readonly parameters?: readonly (string | null)[];
}

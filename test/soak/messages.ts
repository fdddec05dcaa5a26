// What the soak and the processes of its nodes tell each other, over Node's IPC channel. Every request is answered.

export type Request =
  | {
      readonly type: 'start';
      readonly id: string;
      /** 0 for any; a node that is started again listens where it did. */
      readonly port: number;
      readonly join: readonly string[];
      readonly replicas: number;
      /** Directory in which the node keeps its state; null: it forgets everything. */
      readonly data: string | null;
    }
  /** Answered when the node knows so many members and has the data it should have. */
  | { readonly type: 'ready'; readonly nodes: number }
  | { readonly type: 'put'; readonly name: string; readonly value: string }
  | { readonly type: 'get'; readonly name: string }
  | { readonly type: 'sql'; readonly sql: string };

export type Reply =
  | { readonly type: 'started'; readonly address: string }
  | { readonly type: 'done' }
  /** Null when there is no such value. */
  | { readonly type: 'got'; readonly value: string | null }
  /** `doubts`: why the answer does not call itself complete; null when it does. */
  | {
      readonly type: 'answer';
      readonly rows: readonly (readonly string[])[];
      readonly doubts: readonly string[] | null;
    }
  | { readonly type: 'failed'; readonly reason: string };

/** Tells apart requests that are under way at once. */
export interface Numbered<T> {
  readonly number: number;
  readonly content: T;
}

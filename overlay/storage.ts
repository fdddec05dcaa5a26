/** A change to one entry: a new value, or null to remove it. */
export interface StorageWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export interface StorageEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * The one seam to disks: entries in the order of their keys' bytes. One owner at a time; `level/` is the real one, the simulator
 * gives another. Every promise rejects with `StorageError` only.
 */
export interface Storage {
  /** Why it takes no writes in this life of the node: what earlier ones wrote is known to be gone, or cannot be read. */
  readonly failure: StorageError | null;
  /** Makes all changes or none. Resolves when they would survive the loss of power. One call at a time. */
  write(batch: readonly StorageWrite[]): Promise<void>;
  /** Entries whose keys begin with `prefix`, as they were when the reading began. */
  entries(prefix: number): AsyncIterable<StorageEntry>;
  /** Waits for writes under way; nothing may be asked afterwards. */
  close(): Promise<void>;
}

/** A disk that does not do its duty. Once a write has failed, nothing more is written in this life of the node. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  /** `locked`: another process uses it; `io`: anything else that the operating system reports. */
  readonly code: 'full' | 'corrupt' | 'locked' | 'io';
  constructor(code: StorageError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @param what is known to be wrong */
export function damaged(what: string): StorageError {
  return new StorageError('corrupt', `the data on disk is damaged: ${what}`);
}

/** In place of a storage that cannot be opened: nothing is there, and nothing can be written. */
export function unreadable(failure: StorageError): Storage {
  return {
    failure,
    write: () => Promise.reject(failure),
    entries: async function* () {},
    close: async () => {},
  };
}

import { randomBytes } from 'node:crypto';
import { mockVerifier, parseScramVerifier, type ScramVerifier, scramVerifier } from './scram.ts';

/** Who may come in. */
export type PgAuth =
  /** Anyone who reaches the port, under any name; only for a port bound to loopback. */
  | { readonly kind: 'trust' }
  /** SCRAM-SHA-256. By user name: a password, or a verifier as PostgreSQL stores it (`SCRAM-SHA-256$…`). */
  | { readonly kind: 'scram'; readonly users: ReadonlyMap<string, string> };

/** Verifiers by user name, made once: deriving one from a password is slow on purpose. */
export class Credentials {
  readonly #verifiers: ReadonlyMap<string, ScramVerifier>;
  readonly #mockKey = randomBytes(32);

  constructor(users: ReadonlyMap<string, string>) {
    this.#verifiers = new Map(
      [...users].map(([user, secret]) => [user, parseScramVerifier(secret) ?? scramVerifier(secret)]),
    );
  }

  /** The verifier to test a client against; for an unknown user one that nothing satisfies, so that names do not leak. */
  verifier(user: string): ScramVerifier {
    return this.#verifiers.get(user) ?? mockVerifier(user, this.#mockKey);
  }
}

/** True if the host names only this machine, so that no other can connect. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

// SCRAM-SHA-256, the server's side, without channel binding.
// RFC 5802 (the exchange), RFC 7677 (SHA-256), RFC 4013 (SASLprep).

export const scramMechanism = 'SCRAM-SHA-256';
const iterationsDefault = 4096;
const iterationsMax = 1_000_000;
const keyBytes = 32;
const saltBytes = 16;
const nonceBytes = 18;

/** What a server keeps instead of a password: it proves a client's knowledge and does not reveal the password. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** A SCRAM message that breaks the grammar of RFC 5802. */
export class ScramError extends Error {
  override readonly name = 'ScramError';
}

/** Derives a verifier from a password, with a fresh salt unless one is given. */
export function scramVerifier(
  password: string,
  salt: Uint8Array = randomBytes(saltBytes),
  iterations: number = iterationsDefault,
): ScramVerifier {
  const salted = pbkdf2Sync(saslPrep(password), salt, iterations, keyBytes, 'sha256');
  return {
    iterations,
    salt,
    storedKey: createHash('sha256').update(hmac(salted, 'Client Key')).digest(),
    serverKey: hmac(salted, 'Server Key'),
  };
}

const verifierPattern = /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]{44}):([A-Za-z0-9+/=]{44})$/;

/** Reads a verifier as PostgreSQL stores it (`SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`); `null` if it is none. */
export function parseScramVerifier(text: string): ScramVerifier | null {
  const [matched, iterations, salt, storedKey, serverKey] = verifierPattern.exec(text) ?? [];
  if (matched === undefined) return null;
  const count = Number(iterations);
  if (count < 1 || count > iterationsMax) return null;
  return {
    iterations: count,
    salt: Buffer.from(salt ?? '', 'base64'),
    storedKey: Buffer.from(storedKey ?? '', 'base64'),
    serverKey: Buffer.from(serverKey ?? '', 'base64'),
  };
}

/** Stands in for the verifier of an unknown user: the same user gets the same salt, and no password fits. */
export function mockVerifier(user: string, key: Uint8Array): ScramVerifier {
  return {
    iterations: iterationsDefault,
    salt: hmac(key, user).subarray(0, saltBytes),
    storedKey: randomBytes(keyBytes),
    serverKey: randomBytes(keyBytes),
  };
}

/** One exchange: `first`, then `final`. */
export class ScramServer {
  readonly #verifier: ScramVerifier;
  readonly #serverNonce: string;
  #gs2Header = '';
  #clientFirstBare = '';
  #serverFirst = '';
  #nonce = '';

  constructor(verifier: ScramVerifier, serverNonce: string = randomBytes(nonceBytes).toString('base64')) {
    this.#verifier = verifier;
    this.#serverNonce = serverNonce;
  }

  /** Answers the client's first message. @throws ScramError */
  first(clientFirst: string): string {
    const [matched, gs2Header, bare, clientNonce] =
      /^([nyp][^,]*,[^,]*,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/.exec(clientFirst) ?? [];
    if (matched === undefined || gs2Header === undefined || bare === undefined || clientNonce === undefined) {
      throw new ScramError('malformed client-first-message');
    }
    if (gs2Header.startsWith('p')) throw new ScramError('channel binding is not supported');
    if (gs2Header.length !== 3) throw new ScramError('an authorization identity is not supported');
    this.#gs2Header = gs2Header;
    this.#clientFirstBare = bare;
    this.#nonce = clientNonce + this.#serverNonce;
    const salt = Buffer.from(this.#verifier.salt).toString('base64');
    this.#serverFirst = `r=${this.#nonce},s=${salt},i=${this.#verifier.iterations}`;
    return this.#serverFirst;
  }

  /**
   * Checks the client's proof.
   * @returns the server's own proof, or `null` when the password is wrong
   * @throws ScramError
   */
  final(clientFinal: string): string | null {
    const [matched, withoutProof, binding, nonce, proofText] =
      /^(c=([^,]+),r=([^,]+)(?:,.*)?),p=([^,]+)$/.exec(clientFinal) ?? [];
    if (matched === undefined) throw new ScramError('malformed client-final-message');
    if (Buffer.from(binding ?? '', 'base64').toString('latin1') !== this.#gs2Header) {
      throw new ScramError('channel binding does not match');
    }
    if (nonce !== this.#nonce) throw new ScramError('nonce does not match');
    const proof = Buffer.from(proofText ?? '', 'base64');
    if (proof.length !== keyBytes) throw new ScramError('malformed proof');

    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const signature = hmac(this.#verifier.storedKey, authMessage);
    const clientKey = proof.map((byte, i) => byte ^ (signature[i] ?? 0));
    const storedKey = createHash('sha256').update(clientKey).digest();
    if (!timingSafeEqual(storedKey, this.#verifier.storedKey)) return null;
    return `v=${hmac(this.#verifier.serverKey, authMessage).toString('base64')}`;
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const mappedToNothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

/** SASLprep's mapping and normalisation; like PostgreSQL, what it prohibits is used as it stands. */
function saslPrep(password: string): string {
  return password.replace(mappedToNothing, '').replace(otherSpaces, ' ').normalize('NFKC');
}

import type { Socket } from 'node:net';
import type { Log, Session, SessionFactory } from '../../engine/index.ts';
import type { Credentials } from './auth.ts';
import type { CancelKeys } from './cancel.ts';
import { ClientGone, PgLink } from './link.ts';
import {
  type Report,
  type TransactionStatus,
  writeAuthenticationOk,
  writeAuthenticationSasl,
  writeAuthenticationSaslData,
  writeBackendKeyData,
  writeNegotiateProtocolVersion,
  writeParameterStatus,
  writeReadyForQuery,
  writeReport,
} from './messages.ts';
import { runSimpleQuery } from './query.ts';
import { BodyReader, FramingError, type FrontendMessage } from './reader.ts';
import { ScramError, ScramServer, scramMechanism } from './scram.ts';
import { parseStartupPacket } from './startup.ts';

/** From the first byte to a proved identity. */
const startupTimeoutMs = 30_000;

/** Told to every client at the start. Drivers decide by them how to read values and quote strings. */
const serverParameters: Readonly<Record<string, string>> = {
  server_version: '15.0 (Wharf)',
  server_encoding: 'UTF8',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  integer_datetimes: 'on',
  standard_conforming_strings: 'on',
  is_superuser: 'off',
  in_hot_standby: 'off',
  default_transaction_read_only: 'off',
};

/** What every connection of one door shares. */
export interface PgDoorContext {
  readonly sessions: SessionFactory;
  /** `null`: anyone is trusted. */
  readonly credentials: Credentials | null;
  readonly cancelKeys: CancelKeys;
  readonly log: Log;
}

/** One client's conversation, from its first byte to its last. */
export class PgConnection {
  readonly #context: PgDoorContext;
  readonly #link: PgLink;
  #session: Session | null = null;
  #forgetCancelKey: (() => void) | null = null;
  #status: TransactionStatus = 'I';

  constructor(socket: Socket, context: PgDoorContext) {
    this.#context = context;
    this.#link = new PgLink(socket, () => this.#endSession());
  }

  /** Resolves when the connection is over, whatever the reason. */
  async run(): Promise<void> {
    const deadline = setTimeout(() => this.#link.destroy(), startupTimeoutMs);
    try {
      const user = await this.#startUp();
      if (user === null || !(await this.#authenticate(user))) return;
      clearTimeout(deadline);
      this.#greet(user);
      await this.#serve();
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(deadline);
      this.#endSession();
      this.#link.end();
    }
  }

  /** Tells the client that the node goes down, and closes. */
  shutDown(): void {
    this.#fatal('57P01', 'terminating connection: the Wharf node is shutting down');
    this.#endSession();
    this.#link.end();
  }

  /** Refuses the client before anything else. */
  refuse(code: string, message: string): void {
    this.#fatal(code, message);
    this.#link.end();
  }

  #endSession(): void {
    this.#forgetCancelKey?.();
    this.#forgetCancelKey = null;
    this.#session?.close();
    this.#session = null;
  }

  /** @returns the user's name; `null` when the connection has served its purpose */
  async #startUp(): Promise<string | null> {
    for (;;) {
      const packet = parseStartupPacket((await this.#link.receive('startup')).body);
      if (packet.kind === 'encryption') {
        this.#link.sendByte('N');
        continue;
      }
      if (packet.kind === 'cancel') {
        this.#context.cancelKeys.cancel(packet.processId, packet.secret);
        return null;
      }
      const { major, minor, parameters } = packet;
      if (major !== 3) {
        this.#fatal('0A000', `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.0`);
        return null;
      }
      const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'));
      if (minor > 0 || unknown.length > 0) writeNegotiateProtocolVersion(this.#link.writer, 0, unknown);
      const user = parameters.get('user') ?? '';
      if (user !== '') return user;
      this.#fatal('28000', 'no PostgreSQL user name specified in startup packet');
      return null;
    }
  }

  async #authenticate(user: string): Promise<boolean> {
    const { credentials, log } = this.#context;
    if (credentials === null) return true;
    const { writer } = this.#link;
    const scram = new ScramServer(credentials.verifier(user));
    try {
      writeAuthenticationSasl(writer, scramMechanism);
      writeAuthenticationSaslData(writer, 'continue', scram.first(await this.#receiveScramFirst()));
      const proof = scram.final((await this.#receivePassword()).toString('utf8'));
      if (proof !== null) {
        writeAuthenticationSaslData(writer, 'final', proof);
        return true;
      }
    } catch (error) {
      if (!(error instanceof ScramError)) throw error;
      this.#fatal('08P01', `malformed SCRAM message: ${error.message}`);
      return false;
    }
    log.warn('a Postgres client failed to authenticate', { user, remote: this.#link.remote });
    this.#fatal('28P01', `password authentication failed for user "${user}"`);
    return false;
  }

  async #receiveScramFirst(): Promise<string> {
    const reader = new BodyReader(await this.#receivePassword());
    const mechanism = reader.string();
    if (mechanism !== scramMechanism) throw new ScramError('the client chose a mechanism that was not offered');
    return reader.bytes(reader.int32()).toString('utf8');
  }

  async #receivePassword(): Promise<Buffer> {
    const { type, body } = await this.#link.receive('authentication');
    if (type === 'X') throw new ClientGone();
    if (type !== 'p') throw new FramingError(`expected a password message, got ${nameOf(type)}`);
    return body;
  }

  #greet(user: string): void {
    const { writer } = this.#link;
    const session = this.#context.sessions.openSession();
    this.#session = session;
    const key = this.#context.cancelKeys.issue(() => session.cancel());
    this.#forgetCancelKey = key.forget;
    writeAuthenticationOk(writer);
    for (const [name, value] of Object.entries(serverParameters)) writeParameterStatus(writer, name, value);
    writeParameterStatus(writer, 'session_authorization', user);
    writeBackendKeyData(writer, key.processId, key.secret);
    writeReadyForQuery(writer, this.#status);
  }

  async #serve(): Promise<void> {
    for (;;) {
      const message = await this.#link.receive('message');
      switch (message.type) {
        case 'Q':
          await this.#query(message);
          break;
        case 'X':
          return;
        case 'P':
        case 'B':
        case 'D':
        case 'E':
        case 'C':
          await this.#refuseExtended();
          break;
        case 'F':
          this.#error('0A000', 'function calls are not supported; use SELECT');
          writeReadyForQuery(this.#link.writer, this.#status);
          break;
        case 'S':
          writeReadyForQuery(this.#link.writer, this.#status);
          break;
        case 'H':
          await this.#link.flush();
          break;
        // Left over from a COPY that failed: the protocol wants them ignored.
        case 'c':
        case 'd':
        case 'f':
          break;
        default:
          throw new FramingError(`unknown message type ${nameOf(message.type)}`);
      }
    }
  }

  async #query({ body }: FrontendMessage): Promise<void> {
    const { writer } = this.#link;
    const reader = new BodyReader(body);
    const text = reader.zeroTerminated();
    if (reader.bytesLeft !== 0) throw new FramingError('the query text contains a zero byte');
    const sql = decodeUtf8(text);
    if (sql === null) {
      this.#error('22021', 'invalid byte sequence for encoding "UTF8"');
    } else if (this.#session !== null) {
      this.#status = await runSimpleQuery(this.#link, this.#session, sql, this.#status, this.#context.log);
    }
    writeReadyForQuery(writer, this.#status);
  }

  /** One error for the whole series of messages, which ends with Sync. */
  async #refuseExtended(): Promise<void> {
    this.#error('0A000', 'the extended query protocol is not supported yet; use the simple protocol');
    for (;;) {
      const { type } = await this.#link.receive('message');
      if (type === 'X') throw new ClientGone();
      if (type === 'S') break;
    }
    writeReadyForQuery(this.#link.writer, this.#status);
  }

  #error(code: string, message: string): void {
    writeReport(this.#link.writer, { severity: 'ERROR', code, message });
  }

  #fatal(code: string, message: string): void {
    const report: Report = { severity: 'FATAL', code, message };
    writeReport(this.#link.writer, report);
  }

  #failed(error: unknown): void {
    const { log } = this.#context;
    if (error instanceof ClientGone) return;
    if (error instanceof FramingError) {
      log.warn('a Postgres client sent a malformed message', { remote: this.#link.remote, reason: error.message });
      this.#fatal('08P01', error.message);
      return;
    }
    log.error('a Postgres connection failed unexpectedly', { remote: this.#link.remote, error });
    this.#fatal('XX000', 'internal error');
  }
}

function nameOf(type: string): string {
  return /^[\x21-\x7e]$/.test(type) ? `"${type}"` : `0x${type.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

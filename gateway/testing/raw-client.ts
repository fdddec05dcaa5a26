import { connect, type Socket } from 'node:net';
import { MessageReader } from '../pg/reader.ts';
import { MessageWriter } from '../pg/writer.ts';

export interface BackendMessage {
  readonly type: string;
  readonly body: Buffer;
}

const protocol3 = 196_608;

/** A Postgres client that does exactly what it is told, right or wrong. */
export class RawClient {
  readonly socket: Socket;
  readonly #reader = new MessageReader();
  #wake: (() => void) | null = null;
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise((resolve) => socket.once('connect', resolve));
    return new RawClient(socket);
  }

  /** Connected, started up and ready for queries. */
  static async ready(port: number): Promise<{ client: RawClient; greeting: BackendMessage[] }> {
    const client = await RawClient.open(port);
    client.startUp({ user: 'ann' });
    return { client, greeting: await client.until('Z') };
  }

  startUp(parameters: Record<string, string>, version = protocol3): void {
    const body = Object.entries(parameters).flat();
    this.untyped(version, Buffer.from(`${body.map((text) => `${text}\0`).join('')}\0`));
  }

  /** A packet of the start-up: length, code, rest. */
  untyped(code: number, rest: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeInt32BE(8 + rest.length, 0);
    head.writeInt32BE(code, 4);
    this.socket.write(Buffer.concat([head, rest]));
  }

  send(type: string, body: string | Buffer = ''): void {
    const writer = new MessageWriter();
    writer.begin(type);
    writer.bytes(Buffer.from(body));
    writer.end();
    this.socket.write(writer.take());
  }

  query(sql: string): void {
    this.send('Q', `${sql}\0`);
  }

  /** The next message; `null` when the server has closed. */
  async next(): Promise<BackendMessage | null> {
    for (;;) {
      const message = this.#reader.read(2 ** 30);
      if (message !== null) return message;
      if (this.#closed) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Messages up to and with the first of `type`, or all until the server closes. */
  async until(type: string): Promise<BackendMessage[]> {
    const messages: BackendMessage[] = [];
    for (;;) {
      const message = await this.next();
      if (message === null) return messages;
      messages.push(message);
      if (message.type === type) return messages;
    }
  }
}

/** The fields of an ErrorResponse or NoticeResponse by their letter. */
export function fieldsOf({ body }: BackendMessage): Record<string, string> {
  const fields = body
    .toString('utf8')
    .split('\0')
    .filter((field) => field !== '');
  return Object.fromEntries(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}

export function textOf(message: BackendMessage | undefined): string {
  return message?.body.toString('utf8').replaceAll('\0', '|') ?? '';
}

export const typesOf = (messages: readonly BackendMessage[]): string => messages.map(({ type }) => type).join('');

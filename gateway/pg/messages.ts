import {
  type Field,
  postgresOid,
  postgresTypeModifier,
  postgresTypeSize,
  type QueryError,
  type Schema,
} from '../../columnar/index.ts';
import type { MessageWriter } from './writer.ts';

// Backend messages of protocol 3.0.
// https://www.postgresql.org/docs/15/protocol-message-formats.html

export type Severity = 'FATAL' | 'ERROR' | 'WARNING' | 'NOTICE';

/** The fields of an ErrorResponse or NoticeResponse. */
export interface Report {
  readonly severity: Severity;
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Counted in characters of the query, from 1. */
  readonly position?: number;
}

/** The transaction status that ReadyForQuery tells. */
export type TransactionStatus = 'I' | 'T';

export function writeReport(writer: MessageWriter, report: Report): void {
  writer.begin(report.severity === 'FATAL' || report.severity === 'ERROR' ? 'E' : 'N');
  const field = (code: string, value: string | undefined): void => {
    if (value === undefined) return;
    writer.byte(code);
    writer.string(value);
  };
  field('S', report.severity);
  field('V', report.severity);
  field('C', report.code);
  field('M', report.message);
  field('D', report.detail);
  field('H', report.hint);
  field('P', report.position?.toString());
  writer.byte('\0');
  writer.end();
}

/** @param sql the text that `error.position` points into */
export function errorReport(error: QueryError, sql: string): Report {
  return {
    severity: 'ERROR',
    code: error.sqlState,
    message: error.message,
    ...(error.hint === null ? {} : { hint: error.hint }),
    ...(error.position === null ? {} : { position: charactersIn(sql.slice(0, error.position)) + 1 }),
  };
}

/** Unicode characters, where `length` counts UTF-16 units. */
function charactersIn(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function writeAuthenticationOk(writer: MessageWriter): void {
  writer.begin('R');
  writer.int32(0);
  writer.end();
}

export function writeAuthenticationSasl(writer: MessageWriter, mechanism: string): void {
  writer.begin('R');
  writer.int32(10);
  writer.string(mechanism);
  writer.byte('\0');
  writer.end();
}

export function writeAuthenticationSaslData(writer: MessageWriter, kind: 'continue' | 'final', data: string): void {
  writer.begin('R');
  writer.int32(kind === 'continue' ? 11 : 12);
  writer.bytes(Buffer.from(data, 'utf8'));
  writer.end();
}

export function writeNegotiateProtocolVersion(writer: MessageWriter, minor: number, unknown: readonly string[]): void {
  writer.begin('v');
  writer.int32(minor);
  writer.int32(unknown.length);
  for (const option of unknown) writer.string(option);
  writer.end();
}

export function writeParameterStatus(writer: MessageWriter, name: string, value: string): void {
  writer.begin('S');
  writer.string(name);
  writer.string(value);
  writer.end();
}

export function writeBackendKeyData(writer: MessageWriter, processId: number, secret: number): void {
  writer.begin('K');
  writer.int32(processId);
  writer.int32(secret);
  writer.end();
}

export function writeReadyForQuery(writer: MessageWriter, status: TransactionStatus): void {
  writer.begin('Z');
  writer.byte(status);
  writer.end();
}

export function writeCommandComplete(writer: MessageWriter, tag: string): void {
  writer.begin('C');
  writer.string(tag);
  writer.end();
}

export function writeEmptyQueryResponse(writer: MessageWriter): void {
  writer.begin('I');
  writer.end();
}

export function writeRowDescription(writer: MessageWriter, schema: Schema): void {
  writer.begin('T');
  writer.int16(schema.fields.length);
  for (const field of schema.fields) writeField(writer, field);
  writer.end();
}

function writeField(writer: MessageWriter, { name, type }: Field): void {
  const noTable = 0;
  const noColumn = 0;
  const textFormat = 0;
  writer.string(name);
  writer.oid(noTable);
  writer.int16(noColumn);
  writer.oid(postgresOid(type));
  writer.int16(postgresTypeSize(type));
  writer.int32(postgresTypeModifier(type));
  writer.int16(textFormat);
}

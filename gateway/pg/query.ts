import { type Batch, QueryError } from '../../columnar/index.ts';
import type { Coverage, Log, Session, StatementResult } from '../../engine/index.ts';
import { describeCoverage } from '../coverage.ts';
import { markedRows, markedSchema } from '../epochs.ts';
import { ClientGone, type PgLink, writeBytes } from './link.ts';
import {
  errorReport,
  type Report,
  type TransactionStatus,
  writeCommandComplete,
  writeEmptyQueryResponse,
  writeReport,
  writeRowDescription,
} from './messages.ts';
import { writeDataRows } from './rows.ts';

/**
 * Runs the statements of one simple query and writes their outcomes, up to but without ReadyForQuery.
 * @returns the transaction status afterwards
 * @throws ClientGone; what goes wrong in the query is reported to the client instead
 */
export async function runSimpleQuery(
  link: PgLink,
  session: Session,
  sql: string,
  status: TransactionStatus,
  log: Log,
): Promise<TransactionStatus> {
  let statusNow = status;
  let statements = 0;
  try {
    for await (const result of session.execute(sql)) {
      statements++;
      await writeResult(link, result);
      statusNow = statusAfter(result, statusNow);
    }
    if (statements === 0) writeEmptyQueryResponse(link.writer);
  } catch (error) {
    if (error instanceof ClientGone) throw error;
    if (!(error instanceof QueryError)) log.error('a query failed unexpectedly', { error });
    writeReport(link.writer, failureReport(error, sql));
  }
  return statusNow;
}

/** What the client is told of `error`. */
export function failureReport(error: unknown, sql: string): Report {
  if (error instanceof QueryError) return errorReport(error, sql);
  const message = error instanceof Error ? error.message : String(error);
  return errorReport(new QueryError('internal', `internal error: ${message}`), sql);
}

async function writeResult(link: PgLink, result: StatementResult): Promise<void> {
  switch (result.kind) {
    case 'command':
      if (result.coverage !== null) writeReport(link.writer, coverageReport(result.coverage));
      writeCommandComplete(link.writer, result.tag);
      return;
    case 'rows': {
      writeRowDescription(link.writer, result.schema);
      let rows = 0;
      for await (const batch of result.batches) {
        await writeBatch(link, batch);
        rows += batch.numRows;
      }
      const coverage = result.coverage();
      if (coverage !== null) writeReport(link.writer, coverageReport(coverage));
      writeCommandComplete(link.writer, `SELECT ${rows}`);
      return;
    }
    case 'epochs':
      await writeEpochs(link, result);
  }
}

/**
 * Each epoch is a result of its own, from RowDescription to CommandComplete, so that psql and other
 * clients that wait for the end of a result show it while the subscription runs.
 */
async function writeEpochs(link: PgLink, result: Extract<StatementResult, { kind: 'epochs' }>): Promise<void> {
  const schema = markedSchema(result.schema);
  let epochs = 0;
  for await (const answer of result.epochs) {
    writeRowDescription(link.writer, schema);
    await writeBatch(link, markedRows(answer));
    if (!answer.coverage.complete) writeReport(link.writer, coverageReport(answer.coverage));
    writeCommandComplete(link.writer, `SELECT ${answer.batch.numRows}`);
    link.flushSoon();
    epochs++;
  }
  if (epochs === 0) {
    writeRowDescription(link.writer, schema);
    writeCommandComplete(link.writer, 'SELECT 0');
  }
}

async function writeBatch(link: PgLink, batch: Batch): Promise<void> {
  let row = 0;
  while (row < batch.numRows) {
    row = writeDataRows(link.writer, batch, row, writeBytes);
    if (link.writer.pendingBytes >= writeBytes) await link.flush();
  }
  link.flushSoon();
}

function coverageReport(coverage: Coverage): Report {
  const message = `coverage: ${describeCoverage(coverage)}`;
  return coverage.complete
    ? { severity: 'NOTICE', code: '00000', message }
    : { severity: 'WARNING', code: '01000', message };
}

function statusAfter(result: StatementResult, status: TransactionStatus): TransactionStatus {
  if (result.kind !== 'command') return status;
  if (result.tag === 'BEGIN') return 'T';
  return result.tag === 'COMMIT' || result.tag === 'ROLLBACK' ? 'I' : status;
}

import { QueryError } from '../../columnar/index.ts';

// Errors in the data, raised from generated code. Messages are PostgreSQL's.

export function integerOutOfRange(): never {
  throw new QueryError('outOfRange', 'integer out of range');
}

export function smallintOutOfRange(): never {
  throw new QueryError('outOfRange', 'smallint out of range');
}

export function bigintOutOfRange(): never {
  throw new QueryError('outOfRange', 'bigint out of range');
}

export function numericOutOfRange(): never {
  throw new QueryError('outOfRange', 'numeric field overflow');
}

export function floatOverflow(): never {
  throw new QueryError('outOfRange', 'value out of range: overflow');
}

export function floatUnderflow(): never {
  throw new QueryError('outOfRange', 'value out of range: underflow');
}

export function divisionByZero(): never {
  throw new QueryError('divisionByZero', 'division by zero');
}

export function timestampOutOfRange(): never {
  throw new QueryError('datetimeOverflow', 'timestamp out of range');
}

export function dateOutOfRange(): never {
  throw new QueryError('datetimeOverflow', 'date out of range');
}

export function intervalOutOfRange(): never {
  throw new QueryError('datetimeOverflow', 'interval out of range');
}

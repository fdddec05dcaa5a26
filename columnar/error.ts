/** SQLSTATE by the name we use for it. */
export const SQLSTATE = {
  syntax: '42601',
  unknownTable: '42P01',
  unknownColumn: '42703',
  ambiguousColumn: '42702',
  invalidReference: '42P10',
  unknownFunction: '42883',
  ambiguousFunction: '42725',
  unknownType: '42704',
  duplicateTable: '42P07',
  duplicateColumn: '42701',
  duplicateAlias: '42712',
  grouping: '42803',
  typeMismatch: '42804',
  cannotCast: '42846',
  wrongObjectType: '42809',
  schemaClash: '42P17',
  invalidParameter: '22023',
  invalidText: '22P02',
  invalidDatetime: '22007',
  datetimeOverflow: '22008',
  intervalOverflow: '22015',
  outOfRange: '22003',
  divisionByZero: '22012',
  invalidArgument: '2201F',
  invalidLogarithm: '2201E',
  substringLength: '22011',
  invalidLimit: '2201W',
  invalidOffset: '2201X',
  notNull: '23502',
  unsupported: '0A000',
  cancelled: '57014',
  deadline: '57014',
  storageFull: '53100',
  outOfMemory: '53200',
  tooManyQueries: '53300',
  nodesLost: '08006',
  unreachable: '08001',
  unauthorized: '28P01',
  protocol: '08P01',
  file: '58P01',
  dataDirectory: '58030',
  configuration: 'F0000',
  shutdown: '57P01',
  internal: 'XX000',
} as const;

export type ErrorCode = keyof typeof SQLSTATE;

export interface ErrorDetail extends ErrorOptions {
  /** Zero-based offset into the SQL text. */
  readonly position?: number;
  /** What the caller may do about it. */
  readonly hint?: string;
}

/** A failure the caller can act on, from any layer. Broken invariants use `assert` and are never caught. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly code: ErrorCode;
  readonly position: number | null;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, 'cause' in detail ? { cause: detail.cause } : undefined);
    this.code = code;
    this.position = detail.position ?? null;
    this.hint = detail.hint ?? null;
  }

  get sqlState(): string {
    return SQLSTATE[this.code];
  }
}

import type { QualifiedName, Query, QueryBody, Statement, TableExpr } from '../parser/index.ts';

/** The key under which a table stands in `Tables`: the name as queries write it. */
export function tableKey(name: QualifiedName): string {
  return name.schema === null ? name.name : `${name.schema}.${name.name}`;
}

/** The tables that must be resolved before `statement` can be planned, each once, in order of appearance. */
export function referencedTables(statement: Statement): QualifiedName[] {
  const found = new Map<string, QualifiedName>();
  for (const name of inStatement(statement)) {
    if (!found.has(tableKey(name))) found.set(tableKey(name), name);
  }
  return [...found.values()];
}

function inStatement(statement: Statement): QualifiedName[] {
  switch (statement.kind) {
    case 'select':
    case 'subscribe':
      return inBody(statement.query);
    case 'insert':
      return [statement.table, ...inBody(statement.source)];
    case 'explain':
      return inStatement(statement.statement);
    case 'describe':
    case 'dropTable':
      return [statement.table];
    case 'createTable':
    case 'showTables':
    case 'set':
    case 'show':
    case 'cancel':
    case 'transaction':
      return [];
  }
}

function inBody(body: Query | QueryBody): QualifiedName[] {
  switch (body.kind) {
    case 'query':
      return inBody(body.body);
    case 'select':
      return body.from === null ? [] : inTable(body.from);
    case 'unionAll':
      return body.inputs.flatMap(inBody);
    case 'values':
      return [];
  }
}

function inTable(table: TableExpr): QualifiedName[] {
  switch (table.kind) {
    case 'table':
      return [table.table];
    case 'subquery':
      return inBody(table.query);
    case 'join':
      return [...inTable(table.left), ...inTable(table.right)];
  }
}

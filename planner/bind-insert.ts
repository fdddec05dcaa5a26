import type { Field } from '../columnar/index.ts';
import { typeName } from '../columnar/index.ts';
import type { Insert, Name, Span, ValuesBody } from '../parser/index.ts';
import { bindQuery, bindRows, literalRows } from './bind-query.ts';
import { type Bound, boundTypeName, known, tryCoerce } from './bound.ts';
import type { TableDefinition, Tables } from './catalog.ts';
import type { PlanContext } from './context.ts';
import { column, literal } from './expressions.ts';
import { fail } from './fail.ts';
import { columnType, type Logical, project } from './logical.ts';
import type { Expression } from './plan.ts';
import { didYouMean } from './suggest.ts';

/** The rows of an INSERT in the shape of its table. @throws QueryError with a position */
export function bindInsert(insert: Insert, target: TableDefinition, tables: Tables, context: PlanContext): Logical {
  if (target.source !== 'distributed') {
    const hint = 'Rows can be inserted only into tables made by CREATE TABLE.';
    fail('wrongObjectType', `cannot insert into ${target.source} table "${target.name}"`, insert.table.span, hint);
  }
  const { source } = insert;
  const { body } = source;
  const columns = insert.columns.length === 0 ? null : targetColumns(insert.columns, target);
  if (body.kind === 'values' && source.orderBy.length === 0 && source.limit === null && source.offset === null) {
    return insertedValues(body, columns, target, context);
  }
  const { plan, unknown } = bindQuery(source, tables, context);
  const cells = plan.schema.fields.map((_, index): Bound => {
    return unknown[index] ?? known(column(index, columnType(plan.schema, index)), source.span);
  });
  return project(
    plan,
    assigned(cells, columns, target, source.span),
    target.schema.fields.map(({ name }) => name),
  );
}

/** VALUES needs no common type of its rows: each cell is assigned to its column by itself. */
function insertedValues(
  body: ValuesBody,
  columns: readonly number[] | null,
  target: TableDefinition,
  context: PlanContext,
): Logical {
  const rows = bindRows(body, context).map((cells) => assigned(cells, columns, target, body.span));
  return literalRows(rows, target.schema);
}

function targetColumns(names: readonly Name[], target: TableDefinition): number[] {
  const { fields } = target.schema;
  const seen = new Set<string>();
  return names.map(({ text, span }) => {
    const index = fields.findIndex(({ name }) => name === text);
    if (index < 0) {
      const hint = didYouMean(
        text,
        fields.map(({ name }) => name),
      );
      fail('unknownColumn', `column "${text}" of relation "${target.name}" does not exist`, span, hint);
    }
    if (seen.has(text)) fail('duplicateColumn', `column "${text}" specified more than once`, span);
    seen.add(text);
    return index;
  });
}

/**
 * One expression for every column of the target.
 * @param columns what the cells are for; `null`: the target's first columns
 */
function assigned(
  cells: readonly Bound[],
  columns: readonly number[] | null,
  target: TableDefinition,
  span: Span,
): Expression[] {
  const { fields } = target.schema;
  const width = columns?.length ?? fields.length;
  const surplus = cells[width];
  if (surplus !== undefined) fail('syntax', 'INSERT has more expressions than target columns', surplus.span);
  if (columns !== null && cells.length < width) fail('syntax', 'INSERT has more target columns than expressions', span);
  return fields.map((field, index) => {
    const position = columns === null ? index : columns.indexOf(index);
    const cell = cells[position];
    return cell === undefined ? literal(null, field.type) : assign(cell, field);
  });
}

function assign(cell: Bound, { name, type }: Field): Expression {
  const value = tryCoerce(cell, type, 'assignment');
  if (value !== null) return value;
  const message = `column "${name}" is of type ${typeName(type)} but expression is of type ${boundTypeName(cell)}`;
  return fail('typeMismatch', message, cell.span, 'You will need to rewrite or cast the expression.');
}

import type { SqlType } from '../columnar/index.ts';
import type { ColumnExpr, Name, Span } from '../parser/index.ts';
import { fail } from './fail.ts';
import { didYouMean } from './suggest.ts';

/** A column that expressions can name. */
export interface ScopeColumn {
  readonly name: string;
  /** The alias or name of the relation it comes from; `null` where it cannot be qualified. */
  readonly relation: string | null;
  /** Position in the rows that the scope describes. */
  readonly index: number;
  readonly type: SqlType;
  /** False for the right-hand column that USING merged away: reachable only as `relation.name`. */
  readonly unqualified: boolean;
}

/** Names visible to expressions, in the order in which `*` shows them. */
export interface Scope {
  readonly columns: readonly ScopeColumn[];
}

export const emptyScope: Scope = { columns: [] };

/** As messages name it. */
export function qualified({ relation, name }: ScopeColumn): string {
  return relation === null ? name : `${relation}.${name}`;
}

/** @throws QueryError unknownColumn, unknownTable or ambiguousColumn, with a suggestion */
export function resolveColumn(scope: Scope, { relation, name, span }: ColumnExpr): ScopeColumn {
  if (relation !== null) requireRelation(scope, relation);
  const matches = scope.columns.filter((column) => isNamed(column, relation, name));
  const [found] = matches;
  if (found === undefined) return unknownColumn(scope, relation, name, span);
  if (matches.length > 1) return fail('ambiguousColumn', `column reference "${name.text}" is ambiguous`, span);
  return found;
}

function isNamed(column: ScopeColumn, relation: Name | null, name: Name): boolean {
  if (column.name !== name.text) return false;
  return relation === null ? column.unqualified : column.relation === relation.text;
}

/** The columns that `*` or `relation.*` stands for. */
export function starColumns(scope: Scope, relation: Name | null, span: Span): readonly ScopeColumn[] {
  if (relation !== null) {
    requireRelation(scope, relation);
    return scope.columns.filter((column) => column.relation === relation.text).toSorted((a, b) => a.index - b.index);
  }
  if (scope.columns.length === 0) return fail('syntax', 'SELECT * with no tables specified is not valid', span);
  return scope.columns.filter((column) => column.unqualified);
}

function requireRelation(scope: Scope, relation: Name): void {
  const relations = relationsOf(scope);
  if (relations.has(relation.text)) return;
  const message = `missing FROM-clause entry for table "${relation.text}"`;
  fail('unknownTable', message, relation.span, didYouMean(relation.text, relations));
}

export function relationsOf(scope: Scope): ReadonlySet<string> {
  return new Set(scope.columns.flatMap(({ relation }) => (relation === null ? [] : [relation])));
}

function unknownColumn(scope: Scope, relation: Name | null, name: Name, span: Span): never {
  const visible = scope.columns.filter((column) => relation === null || column.relation === relation.text);
  const shown = relation === null ? `"${name.text}"` : `${relation.text}.${name.text}`;
  const hint = didYouMean(name.text, new Set(visible.map((column) => column.name)));
  return fail('unknownColumn', `column ${shown} does not exist`, span, hint);
}

import type { Statement } from './ast.ts';
import { DefinitionRules } from './definitions.ts';
import { Comma, K } from './tokens.ts';

/** BEGIN, COMMIT, ROLLBACK in PostgreSQL's spellings. What they ask for is parsed and forgotten. */
export abstract class TransactionRules extends DefinitionRules {
  protected readonly transaction = this.RULE('transaction', (): Statement => {
    const first = this.LA(1);
    const action = this.OR<'begin' | 'commit' | 'rollback'>([
      {
        ALT: () => {
          this.CONSUME(K.BEGIN);
          this.OPTION1(() => this.SUBRULE1(this.noise));
          this.SUBRULE1(this.modes);
          return 'begin';
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.START);
          this.CONSUME(K.TRANSACTION);
          this.SUBRULE2(this.modes);
          return 'begin';
        },
      },
      {
        ALT: () => {
          this.SUBRULE(this.commitWord);
          this.OPTION2(() => this.SUBRULE2(this.noise));
          return 'commit';
        },
      },
      {
        ALT: () => {
          this.SUBRULE(this.rollbackWord);
          this.OPTION3(() => this.SUBRULE3(this.noise));
          return 'rollback';
        },
      },
    ]);
    return { kind: 'transaction', action, span: this.spanFrom(first) };
  });

  private readonly commitWord = this.RULE('commitWord', () => {
    this.OR([{ ALT: () => this.CONSUME(K.COMMIT) }, { ALT: () => this.CONSUME(K.END) }]);
  });

  private readonly rollbackWord = this.RULE('rollbackWord', () => {
    this.OR([{ ALT: () => this.CONSUME(K.ROLLBACK) }, { ALT: () => this.CONSUME(K.ABORT) }]);
  });

  private readonly noise = this.RULE('noise', () => {
    this.OR([{ ALT: () => this.CONSUME(K.WORK) }, { ALT: () => this.CONSUME(K.TRANSACTION) }]);
  });

  private readonly modes = this.RULE('modes', () => {
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(K.ISOLATION);
            this.CONSUME(K.LEVEL);
            this.SUBRULE(this.isolationLevel);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.READ);
            this.OR2([{ ALT: () => this.CONSUME(K.ONLY) }, { ALT: () => this.CONSUME(K.WRITE) }]);
          },
        },
        {
          ALT: () => {
            this.OPTION1(() => this.CONSUME(K.NOT));
            this.CONSUME(K.DEFERRABLE);
          },
        },
      ]);
      this.OPTION2(() => this.CONSUME(Comma));
    });
  });

  private readonly isolationLevel = this.RULE('isolationLevel', () => {
    this.OR1([
      { ALT: () => this.CONSUME(K.SERIALIZABLE) },
      {
        ALT: () => {
          this.CONSUME(K.REPEATABLE);
          this.CONSUME1(K.READ);
        },
      },
      {
        ALT: () => {
          this.CONSUME2(K.READ);
          this.OR2([{ ALT: () => this.CONSUME(K.COMMITTED) }, { ALT: () => this.CONSUME(K.UNCOMMITTED) }]);
        },
      },
    ]);
  });
}

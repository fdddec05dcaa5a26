import tseslint from 'typescript-eslint';

const seam = 'Only Runtime, Transport and Storage touch time, chance, timers, sockets and databases.';
const clocks = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'fetch', 'WebSocket'].map(
  (name) => ({ name, message: seam }),
);
const clockMembers = [
  { object: 'Date', property: 'now', message: seam },
  { object: 'Math', property: 'random', message: seam },
];
const sockets = [
  'node:net',
  'node:tls',
  'node:http',
  'node:https',
  'node:dgram',
  'node:timers',
  'node:timers/promises',
  'ws',
  'classic-level',
];

/** Type-aware rules that Biome does not have; formatting and the rest of lint are Biome's. */
export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '**/*.js', '**/*.cjs', '**/*.mjs'] },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
    },
  },
  {
    files: ['{overlay,operators,planner,engine,columnar,parser}/**/*.ts'],
    ignores: ['overlay/ws/**', 'overlay/level/**', 'overlay/system-runtime.ts', '**/*.test.ts', '**/testing/**'],
    rules: {
      'no-restricted-globals': ['error', ...clocks],
      'no-restricted-properties': ['error', ...clockMembers],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: sockets.map((name) => ({
            name,
            message: seam,
            allowTypeImports: true,
            allowImportNames: ['isIP', 'isIPv6'],
          })),
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: seam },
      ],
    },
  },
);

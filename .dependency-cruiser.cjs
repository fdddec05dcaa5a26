/** The layers of docs/architecture.md: who may import whom. */
const layers = {
  columnar: [],
  parser: [],
  overlay: [],
  planner: ['parser', 'columnar'],
  operators: ['planner', 'columnar', 'overlay'],
  engine: ['parser', 'planner', 'operators', 'overlay', 'columnar'],
  gateway: ['engine', 'columnar'],
  cli: ['gateway', 'engine', 'columnar'],
  simulator: ['overlay'],
};

const forbidden = Object.entries(layers).flatMap(([layer, allowed]) => {
  const others = Object.keys(layers).filter((other) => other !== layer && !allowed.includes(other));
  return [
    {
      name: `${layer}-stays-in-its-layer`,
      comment: `${layer}/ may import ${allowed.length === 0 ? 'no other layer' : allowed.join(', ')}`,
      severity: 'error',
      from: { path: `^${layer}/`, pathNot: '\\.test\\.ts$|/testing/' },
      to: { path: `^(${[...others, 'test', 'bench', 'examples'].join('|')})/` },
    },
    {
      name: `${layer}-by-its-public-face`,
      comment: `other layers import ${layer}/ only through its index.ts, tests also what it has for tests`,
      severity: 'error',
      from: { pathNot: `^(${layer}|test|bench|examples)/` },
      to: { path: `^${layer}/`, pathNot: `^${layer}/((index|worker)\\.ts$|testing/)` },
    },
  ];
});

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { pathNot: '\\.test\\.ts$|/testing/|^(test|bench)/' },
      to: { path: '^[^/]+/testing/' },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: `^(${Object.keys(layers).join('|')})/`, pathNot: '\\.test\\.ts$|/testing/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};

/** Where a value stood and what is wrong with it, as FastAPI's 422 bodies say it. */
export interface ValidationDetail {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
}

interface SchemaIssue {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string | undefined;
}

const places: Readonly<Record<string, string>> = { querystring: 'query', params: 'path', headers: 'header' };

/** The details of what the schema compiler found in `context` (`body`, `querystring`, `params`, `headers`). */
export function validationDetails(issues: readonly SchemaIssue[], context = 'body'): ValidationDetail[] {
  return issues.map(({ keyword, instancePath, params, message = 'Input is not valid' }) => {
    const path = instancePath
      .split('/')
      .slice(1)
      .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')));
    const missing = keyword === 'required' ? [String(params['missingProperty'])] : [];
    const loc = [places[context] ?? context, ...path, ...missing];
    return { ...worded(keyword, params, message), loc };
  });
}

// Types and sentences of pydantic 2, which clients of FastAPI know.
function worded(keyword: string, params: Readonly<Record<string, unknown>>, message: string) {
  const { type, limit, comparison } = params as { type?: string; limit?: number; comparison?: string };
  switch (keyword) {
    case 'required':
      return { type: 'missing', msg: 'Field required' };
    case 'additionalProperties':
      return { type: 'extra_forbidden', msg: `Extra inputs are not permitted: ${params['additionalProperty']}` };
    case 'type':
      return typeWords[type ?? ''] ?? { type: 'type_error', msg: sentence(message) };
    case 'minimum':
    case 'exclusiveMinimum':
    case 'maximum':
    case 'exclusiveMaximum': {
      const [name, words] = comparisons[comparison ?? '>='] as readonly [string, string];
      return { type: name, msg: `Input should be ${words} ${limit}` };
    }
    case 'enum': {
      const allowed = (params['allowedValues'] as readonly unknown[]).map((value) => `'${value}'`);
      return { type: 'enum', msg: `Input should be ${allowed.join(', ')}` };
    }
    default:
      return { type: keyword, msg: sentence(message) };
  }
}

const typeWords: Readonly<Record<string, { type: string; msg: string }>> = {
  integer: { type: 'int_parsing', msg: 'Input should be a valid integer, unable to parse string as an integer' },
  number: { type: 'float_parsing', msg: 'Input should be a valid number, unable to parse string as a number' },
  boolean: { type: 'bool_parsing', msg: 'Input should be a valid boolean, unable to interpret input' },
  string: { type: 'string_type', msg: 'Input should be a valid string' },
  array: { type: 'list_type', msg: 'Input should be a valid list' },
  object: { type: 'dict_type', msg: 'Input should be a valid dictionary' },
};

const comparisons: Readonly<Record<string, readonly [string, string]>> = {
  '>=': ['greater_than_equal', 'greater than or equal to'],
  '>': ['greater_than', 'greater than'],
  '<=': ['less_than_equal', 'less than or equal to'],
  '<': ['less_than', 'less than'],
};

function sentence(message: string): string {
  return `Input ${message.replace(/^must /, 'should ')}`;
}

/** Options from JavaScript, where no compiler looks at their names. */
import { expected, InvalidArgumentError } from '../bindings/errors.ts';
import { suggestion } from './suggest.ts';

/** Every option of a function, once: the compiler says which one is missing here. */
export type OptionNames<Options> = { readonly [Key in keyof Required<Options>]: 1 };

/**
 * Refuses what is not an object of known options.
 *
 * @throws InvalidArgumentError with the nearest known name
 */
export function checkOptions<Options>(of: string, options: unknown, names: OptionNames<Options>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw expected('an object of options', of, options);
  }
  const known = Object.keys(names);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new InvalidArgumentError(`Expected options of ${of} but received ${name} (${suggestion(name, known)})`);
  }
}

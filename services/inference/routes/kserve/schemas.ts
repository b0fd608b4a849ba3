/** The words of the Open Inference Protocol, version 2 (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol). */
import { type Static, Type } from 'typebox';

// Values are strings, numbers and booleans; a schema with these types would turn one kind into another.
const parameters = Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Options by name.' }));
const shape = Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 8 });

export const errorBody = Type.Object({ error: Type.String() });

export const serverMetadata = Type.Object({
  name: Type.String(),
  version: Type.String(),
  extensions: Type.Array(Type.String()),
});

const tensorMetadata = Type.Object({
  name: Type.String(),
  datatype: Type.String(),
  shape: Type.Array(Type.Integer(), { description: '-1 where any size will do.' }),
});

export const modelMetadata = Type.Object({
  name: Type.String(),
  versions: Type.Array(Type.String()),
  platform: Type.String(),
  inputs: Type.Array(tensorMetadata),
  outputs: Type.Array(tensorMetadata),
  parameters: Type.Object({
    labels: Type.Array(Type.String(), { description: 'Names of the columns of `scores`.' }),
    no_event_labels: Type.Array(Type.String(), { description: 'Those that stand for no bird.' }),
    sample_rate_hz: Type.Number({ description: 'The rate of the model; other rates are resampled.' }),
  }),
});

export const repositoryIndex = Type.Array(
  Type.Object({ name: Type.String(), version: Type.String(), state: Type.String(), reason: Type.String() }),
);

const inputTensor = Type.Object({
  name: Type.String(),
  shape,
  datatype: Type.String(),
  parameters,
  data: Type.Optional(Type.Array(Type.Unknown(), { description: 'Row by row, flat or nested.' })),
});
export type InputTensor = Static<typeof inputTensor>;

const requestedOutput = Type.Object({ name: Type.String(), parameters });
export type RequestedOutput = Static<typeof requestedOutput>;

export const inferRequest = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 1024 })),
  parameters,
  inputs: Type.Array(inputTensor, { minItems: 1, maxItems: 8 }),
  outputs: Type.Optional(Type.Array(requestedOutput, { maxItems: 8 })),
});
export type InferRequest = Static<typeof inferRequest>;

export const inferResponse = Type.Object({
  model_name: Type.String(),
  model_version: Type.String(),
  id: Type.Optional(Type.String()),
  outputs: Type.Array(
    Type.Object({
      name: Type.String(),
      datatype: Type.String(),
      shape,
      parameters,
      data: Type.Optional(Type.Array(Type.Unknown())),
    }),
  ),
});

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Validator, type Violation } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { type FieldViolation, PalaverError } from "../protocol/index.js";

/**
 * Checks every request message against the rules in the schema, before any work is done. What breaks a rule is
 * `invalid_argument` / `INVALID_REQUEST` and names all fields at fault.
 */
export function validateInterceptor(): Interceptor {
  const validator = createValidator();
  return (next) => (request) => {
    const { input } = request.method;
    if (request.stream) {
      return next({ ...request, message: validateAll(validator, input, request.message) });
    }
    validate(validator, input, request.message);
    return next(request);
  };
}

async function* validateAll<T extends Message>(
  validator: Validator,
  schema: DescMessage,
  messages: AsyncIterable<T>,
): AsyncGenerator<T> {
  for await (const message of messages) {
    validate(validator, schema, message);
    yield message;
  }
}

export function validate(validator: Validator, schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message);
  switch (result.kind) {
    case "valid":
      return;
    case "invalid": {
      const fieldViolations = result.violations.map(toFieldViolation);
      const [first] = fieldViolations;
      const text = first === undefined ? "The request is invalid." : `${first.field}: ${first.description}`;
      throw new PalaverError("invalid_argument", "INVALID_REQUEST", text, { fieldViolations });
    }
    // A rule in our own schema is wrong.
    case "error":
      throw result.error;
    default:
      result satisfies never;
  }
}

function toFieldViolation({ field, message, ruleId }: Violation): FieldViolation {
  return { field: pathToString(field), description: message === "" ? ruleId : message };
}

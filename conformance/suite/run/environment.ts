/** @throws when the variable that the manifest names is not set */
export function fromEnvironment(name: string, what: string): string {
  const value = process.env[name] ?? "";
  if (value === "") throw new Error(`${name}, ${what}, is not set in the environment`);
  return value;
}

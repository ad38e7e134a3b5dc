import type { Manifest } from "../manifest/manifest.js";

/** @throws when the variable that the manifest names is not set */
export function fromEnvironment(name: string, what: string): string {
  const value = valueOf(name);
  if (value === "") throw new Error(`${name}, ${what}, is not set in the environment`);
  return value;
}

/** The variables that a manifest names and that are not set, each with its path in the manifest. */
export function missingVariables({ auth, attach, launch }: Manifest): { path: string; name: string }[] {
  const named: Readonly<Record<string, string | undefined>> = {
    "launch.store": launch?.store?.url_env,
    "launch.bus": launch?.bus?.url_env,
    "attach.bus": attach?.bus?.url_env,
    "auth.alice": auth.alice?.token_env,
    "auth.bob": auth.bob?.token_env,
    "auth.admin": auth.admin?.token_env,
  };
  return Object.entries(named).flatMap(([path, name]) =>
    name === undefined || valueOf(name) !== "" ? [] : [{ path, name }],
  );
}

function valueOf(name: string): string {
  return process.env[name] ?? "";
}

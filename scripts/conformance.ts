// `npm run conformance`: judges Palaver itself, unless another target is named. Starts Postgres and NATS for that, and makes users.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startReferenceSurroundings } from "../test/kit/reference-surroundings.js";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Another one for the same surroundings, such as that of a mutant, may be given. */
const manifest = process.env["CONFORMANCE_MANIFEST"] ?? "conformance/target.reference.yaml";
/** The commands that reach a target. */
const reaching = ["run", "replay", "doctor"];

const given = process.argv.slice(2);
const args = given.length === 0 ? ["run"] : given;
const [command = "run"] = args;
const isHelp = args.some((arg) => arg === "--help" || arg === "-h");
const takesTarget = [...reaching, "list", "baseline"].includes(command);
const namesAnother = args.some(
  (arg, index) =>
    arg.startsWith("--target") && arg !== `--target=${manifest}` && args[index + 1] !== manifest,
);
const isReference = takesTarget && !isHelp && !namesAnother;

process.exitCode = await (async () => {
  const all = isReference && command !== "list" ? [...args, "--target", manifest] : args;
  if (!isReference || !reaching.includes(command)) return runSuite(all, {});
  process.stderr.write("starting Postgres and NATS …\n");
  await using surroundings = await startReferenceSurroundings();
  return await runSuite(all, surroundings.env);
})();

async function runSuite(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, ["--import", "tsx", "conformance/main.ts", ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  // Ctrl-C reaches the suite too, which ends by itself.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? (signal === "SIGINT" ? 130 : 4);
}

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";

const folder = new URL("../../src/store/", import.meta.url).pathname;

/**
 * The names of all statements in the source of src/store: objects with a `name` and a `text`, also where a function makes several of them,
 * which takes the name first. They are not exported, so that nobody else runs them.
 *
 * @throws where a name cannot be read: then this has to learn how
 */
export async function statementsOfStore(): Promise<string[]> {
  const files = (await readdir(folder)).filter(
    (file) => file.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(file),
  );
  const sources = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return sources.flatMap((source, index) => statementsIn(source, files[index] ?? ""));
}

export function statementsIn(source: string, file: string): string[] {
  const root = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const names: string[] = [];
  const makers = new Set<string>();
  visit(root, (node) => {
    if (!ts.isObjectLiteralExpression(node)) return;
    const property = (name: string): ts.ObjectLiteralElementLike | undefined =>
      node.properties.find((each) => each.name?.getText(root) === name);
    const name = property("name");
    if (name === undefined || property("text") === undefined) return;
    if (ts.isPropertyAssignment(name) && ts.isStringLiteral(name.initializer))
      names.push(name.initializer.text);
    else if (ts.isShorthandPropertyAssignment(name)) makers.add(makerAround(node));
    // What a driver is given has the name of a statement that stands elsewhere.
    else if (!(ts.isPropertyAssignment(name) && name.initializer.getText(root) === "statement.name"))
      throw new Error(`${file}: what is the name of ${node.getText(root)}?`);
  });
  visit(root, (node) => {
    if (!ts.isCallExpression(node) || !makers.has(node.expression.getText(root))) return;
    const [name] = node.arguments;
    if (name === undefined || !ts.isStringLiteral(name))
      throw new Error(`${file}: which statement does ${node.getText(root)} make?`);
    names.push(name.text);
  });
  return names;

  function makerAround(node: ts.Node): string {
    for (let outer = node.parent; !ts.isSourceFile(outer); outer = outer.parent)
      if ((ts.isVariableDeclaration(outer) || ts.isFunctionDeclaration(outer)) && outer.name !== undefined)
        return outer.name.getText(root);
    throw new Error(`${file}: who makes ${node.getText(root)}?`);
  }
}

function visit(node: ts.Node, seen: (node: ts.Node) => void): void {
  seen(node);
  ts.forEachChild(node, (child) => visit(child, seen));
}

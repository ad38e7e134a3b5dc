import type { Parameter, Queryable, Statement } from "../../src/store/index.js";

/** A statement, with values that it was once given. */
export interface Asked {
  readonly statement: Statement;
  readonly values: readonly Parameter[];
}

/** A node of a plan. */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Plans?: readonly PlanNode[];
}

/** As it is planned for these values: the first times on each connection, and for as long as that is cheaper. */
export async function customPlan(tx: Queryable, { statement, values }: Asked): Promise<PlanNode> {
  const text = `explain (format json) ${statement.text}`;
  return planOf(await tx.query({ name: `custom ${statement.name}`, text }, values));
}

/** As it is planned for any values: from the sixth time on. */
export async function genericPlan(tx: Queryable, { statement }: Asked): Promise<PlanNode> {
  await tx.script(`set local plan_cache_mode = force_generic_plan; prepare generic as ${statement.text}`);
  const [prepared] = await tx.query<{ count: number }>({
    name: "count_parameters",
    text: "select cardinality(parameter_types) as count from pg_prepared_statements where name = 'generic'",
  });
  // It is the plan for all values, so these do not matter.
  const nulls = Array.from({ length: prepared?.count ?? 0 }, () => "null").join(", ");
  const text = `explain (format json) execute generic${nulls === "" ? "" : `(${nulls})`}`;
  const plan = planOf(await tx.query({ name: `generic ${statement.name}`, text }));
  await tx.script("deallocate generic; set local plan_cache_mode = auto");
  return plan;
}

function planOf([row]: readonly { readonly "QUERY PLAN": string }[]): PlanNode {
  const [{ Plan }] = JSON.parse(row?.["QUERY PLAN"] ?? "") as [{ Plan: PlanNode }];
  return Plan;
}

/**
 * A process that opens PGlite on the folder named by its first argument, writes a row, prints "written" once that is acknowledged, and
 * then writes more until it is killed.
 */
import { openPglite } from "./pglite.js";

const database = await openPglite({ dataDir: process.argv[2] ?? "" });
await database.script("create table t (n int)");
await database.execute({ name: "fixture.first", text: "insert into t values (1)" });
console.log("written");
for (;;) await database.execute({ name: "fixture.more", text: "insert into t values (2)" });

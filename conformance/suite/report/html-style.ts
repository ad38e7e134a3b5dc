/** The look of the HTML report, in light and in dark, on paper and on narrow screens. */
export const htmlStyle = `
:root { --bg:#fff; --fg:#1b1f24; --dim:#5b6672; --line:#d8dee4; --soft:#f4f6f8; --pass:#1a7f37; --fail:#c4232b; --warn:#9a6700; --info:#0b62c4; --grey:#7b8794; --violet:#7a3fc4; --teal:#0d7c83; }
@media (prefers-color-scheme: dark) { :root { --bg:#12161b; --fg:#e3e8ee; --dim:#98a4b1; --line:#303841; --soft:#1a2027; --pass:#4cc26a; --fail:#ff7b78; --warn:#e0b04a; --info:#6cb2ff; --grey:#8a96a3; --violet:#bd93f2; --teal:#4ec3c9; } }
* { box-sizing:border-box; }
body { margin:0 auto; max-width:76rem; padding:2rem 1.25rem 4rem; background:var(--bg); color:var(--fg); font:15px/1.5 system-ui,sans-serif; }
h1 { margin:0; font-size:1.9rem; } h2 { margin:2.2rem 0 .7rem; font-size:1.2rem; } h3 { margin:1.2rem 0 .4rem; font-size:1rem; } h4 { margin:0; font-size:.8rem; color:var(--dim); font-weight:600; }
p { margin:.4rem 0; } a { color:var(--info); text-decoration:none; } a:hover { text-decoration:underline; }
code,pre { font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; } code { overflow-wrap:anywhere; }
pre { margin:.2rem 0; padding:.6rem .8rem; background:var(--soft); border:1px solid var(--line); border-radius:6px; overflow-x:auto; white-space:pre-wrap; overflow-wrap:anywhere; }
.over,.facts { color:var(--dim); font-size:.87rem; } .over { margin:0; }
.verdict { display:inline-block; margin:.6rem 0 .3rem; padding:.15rem .8rem; border-radius:99px; border:1.5px solid; font-weight:650; }
.verdict-met { color:var(--pass); } .verdict-not_met { color:var(--fail); } .verdict-met_but_for_known_failures { color:var(--warn); } .verdict-inconclusive,.verdict-suite_error { color:var(--grey); }
.bar { display:flex; gap:2px; height:10px; margin:.9rem 0 .5rem; border-radius:5px; overflow:hidden; } .bar span { background:currentColor; min-width:4px; }
.counts { display:flex; flex-wrap:wrap; gap:.2rem 1.3rem; margin:0; padding:0; list-style:none; } .counts b { font-size:1.15rem; } .counts .none { opacity:.5; }
.s-pass,.r-met { color:var(--pass); } .s-fail,.r-not_met { color:var(--fail); } .s-warn { color:var(--warn); } .s-error { color:var(--violet); } .s-not_verified,.r-not_verified { color:var(--info); } .s-not_applicable,.r-not_applicable,.r-not_covered { color:var(--grey); }
.case { border:1px solid var(--line); border-radius:8px; margin:.45rem 0; }
.case > summary { display:flex; align-items:baseline; gap:.7rem; padding:.5rem .8rem; cursor:pointer; }
.case > summary:hover { background:var(--soft); } .case[open] > summary { border-bottom:1px solid var(--line); }
.mark { width:1.1rem; font-weight:700; text-align:center; } .id { font-weight:600; overflow-wrap:anywhere; } .title { flex:1; color:var(--dim); font-size:.9rem; } .time { color:var(--dim); font-size:.85rem; white-space:nowrap; }
.tag { font-size:.72rem; padding:.05rem .45rem; border:1px solid var(--line); border-radius:99px; color:var(--dim); }
.body { padding:.5rem 1rem 1rem; } .rules { margin:.3rem 0; display:grid; grid-template-columns:max-content 1fr; gap:.15rem .9rem; font-size:.9rem; } .rules dd { margin:0; color:var(--dim); }
.run { border-top:1px dashed var(--line); margin-top:.9rem; } .message { font-weight:600; } .check { margin:.5rem 0 .8rem; }
.pair { display:grid; grid-template-columns:1fr 1fr; gap:.8rem; } .pair > div { min-width:0; }
.diagram { overflow-x:auto; margin:.7rem 0; border:1px solid var(--line); border-radius:6px; } .lines > summary { cursor:pointer; color:var(--dim); font-size:.87rem; } .lines pre { white-space:pre; }
.wide { overflow-x:auto; } table { border-collapse:collapse; font-size:.87rem; width:100%; } th,td { text-align:left; vertical-align:top; padding:.35rem .6rem; border-bottom:1px solid var(--line); } tbody th,td:nth-child(3) { white-space:nowrap; } tr:target { background:var(--soft); }
.sd { display:block; font:11.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; } .sd text { fill:var(--fg); } .sd .sd-time { fill:var(--dim); text-anchor:end; } .sd .sd-name { text-anchor:middle; font-weight:600; }
.sd-head { fill:var(--soft); stroke:var(--line); } .sd-lane { stroke:var(--line); stroke-dasharray:3 4; } .sd-arrow { stroke:currentColor; stroke-width:1.4; } .sd-tip,.sd-dot { fill:currentColor; }
.sd-text { paint-order:stroke; stroke:var(--bg); stroke-width:4px; stroke-linejoin:round; }
.sd-frame { color:var(--info); } .sd-model { color:var(--violet); } .sd-link { color:var(--warn); } .sd-bus { color:var(--teal); } .sd-process { color:var(--grey); }
.sd-band { fill:var(--soft); stroke:var(--line); } .sd .sd-said { fill:var(--dim); } .sd-fence.sd-band { stroke:var(--info); } .sd-band.sd-failed { stroke:var(--fail); stroke-width:1.5; } .sd .sd-said.sd-failed { fill:var(--fail); font-weight:600; }
@media (max-width:48rem) { .pair,.rules { grid-template-columns:1fr; } .title { display:none; } }
@media print { body { max-width:none; } .diagram,.lines pre { overflow:visible; } }
`;

/** How the report looks: light and dark as the reader's system, nothing fetched from anywhere. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1d2430; --soft: #667085; --line: #e3e7ee; --grid: #eceff4;
  --good: #17804f; --bad: #c8273a; --warn: #b86a00; --badsoft: #fdecee; --goodsoft: #e7f6ee; --gap: #fbe3e6;
  --ring: #f0b429; --up: #2f9e6b; --turned: #8d99ae; --lost: #c8273a; --request: #2563c9; --dim: #a6b0c0;
  --n0: #3b76d6; --n1: #e0812b; --n2: #2f9e8f; --n3: #a455c9; --n4: #b9a11b; --n5: #d64f7f; --n6: #5c6bc0; --n7: #6b7c3a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1319; --card: #171d26; --ink: #e4e9f1; --soft: #93a0b4; --line: #29323f; --grid: #212935;
    --good: #4cc38a; --bad: #ff6b7a; --warn: #f0a94b; --badsoft: #3a1a20; --goodsoft: #14301f; --gap: #3d1d24;
    --ring: #c99a2e; --up: #3aa876; --turned: #66738a; --lost: #ff6b7a; --request: #6ea2ff; --dim: #56627a;
    --n0: #5b93ee; --n1: #ee9a4d; --n2: #45b8a8; --n3: #b978da; --n4: #cdb63c; --n5: #e5719a; --n6: #8390e0; --n7: #93a65c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1480px; margin: 0 auto; padding: 28px 24px 60px; }
a { color: inherit; }
code, pre, td.num, .mono { font-family: ui-monospace, "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; }
header h1 { font-size: 26px; line-height: 1.2; margin: 0 12px 0 0; letter-spacing: -0.01em; }
header .top { display: flex; align-items: center; flex-wrap: wrap; gap: 8px; }
.pill { border-radius: 99px; padding: 3px 12px; font-weight: 600; font-size: 13px; }
.pill.good { color: var(--good); background: var(--goodsoft); } .pill.bad { color: var(--bad); background: var(--badsoft); }
.facts { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 14px 0 20px; padding: 0; list-style: none; }
.facts li { display: flex; flex-direction: column; } .facts b { font-size: 16px; font-weight: 600; }
.facts span { color: var(--soft); font-size: 12px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin: 0 0 18px; }
.card > h2 { font-size: 15px; margin: 0 0 10px; } .card > h2 small { font-weight: 400; color: var(--soft); margin-left: 8px; }
.violation { border-color: var(--bad); border-left: 5px solid var(--bad); }
.violation dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; }
.violation dt { color: var(--soft); } .violation dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.scroll { overflow-x: auto; }
svg { display: block; } svg text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); } svg .head { font-weight: 600; font-size: 12px; } svg .tiny { font-size: 9.5px; }
.grid { stroke: var(--grid); } .axis { stroke: var(--line); } .band0 { fill: transparent; } .band1 { fill: var(--grid); opacity: .55; }
.n0 { --c: var(--n0); } .n1 { --c: var(--n1); } .n2 { --c: var(--n2); } .n3 { --c: var(--n3); }
.n4 { --c: var(--n4); } .n5 { --c: var(--n5); } .n6 { --c: var(--n6); } .n7 { --c: var(--n7); }
.own { fill: var(--c); } .gap { fill: var(--gap); }
.serving { fill: var(--c); } .draining { fill: var(--c); opacity: .55; } .joining { fill: var(--c); opacity: .25; }
.latched { fill: var(--warn); } .paused { fill: var(--soft); opacity: .55; } .dead { fill: var(--gap); }
.state { fill: #fff; font-size: 10px; pointer-events: none; } .dead-text { fill: var(--bad); font-size: 10px; }
.fault { fill: var(--bad); } .faultspan { fill: var(--bad); opacity: .16; } .faultbar { fill: var(--bad); opacity: .75; } .calm { fill: var(--good); opacity: .35; }
.takeover { fill: var(--bad); } .handoff { fill: var(--request); }
.now { stroke: var(--bad); stroke-width: 1.5; } .nowtext { fill: var(--bad); font-weight: 600; }
.call:hover .hover { opacity: 1; } .hover { fill: var(--grid); opacity: 0; } .call { cursor: pointer; }
.ringing { fill: var(--ring); } .up { fill: var(--up); } .turned { fill: var(--turned); } .broken { fill: var(--lost); } .trying { fill: var(--dim); }
.guilty { fill: none; stroke: var(--bad); stroke-width: 1.5; } text.guilty { fill: var(--bad); stroke: none; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0; list-style: none; color: var(--soft); font-size: 12px; }
.legend i { display: inline-block; width: 14px; height: 10px; border-radius: 2px; margin-right: 6px; background: var(--k); vertical-align: -1px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 18px; align-items: start; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: 3px 10px 3px 0; border-bottom: 1px solid var(--grid); } td.num, th.num { text-align: right; } p.soft { color: var(--soft); font-size: 12.5px; margin: 12px 0 0; }
pre { margin: 8px 0 0; font-size: 12px; line-height: 1.45; overflow: auto; max-height: 560px; white-space: pre; }
details summary { cursor: pointer; font-weight: 600; font-size: 15px; } details summary small { font-weight: 400; color: var(--soft); margin-left: 8px; }
.ladder { display: none; } .ladder:target { display: block; position: fixed; inset: 0; z-index: 2; background: rgb(10 14 20 / .55); }
.ladder > .behind { position: absolute; inset: 0; }
.ladder > div { position: absolute; inset: 3vh 3vw auto; max-height: 94vh; max-width: 1300px; margin: auto; background: var(--card); border-radius: 14px; border: 1px solid var(--line); overflow: auto; padding: 0 26px 26px; }
.ladder nav { position: sticky; top: 0; z-index: 1; background: var(--card); display: flex; align-items: baseline; gap: 16px; padding: 18px 0 10px; border-bottom: 1px solid var(--line); margin-bottom: 12px; }
.ladder nav b { font-size: 17px; } .ladder nav span { color: var(--soft); flex: 1; } .ladder nav a { text-decoration: none; color: var(--request); font-weight: 600; }
.life { stroke: var(--line); } .box { fill: var(--grid); stroke: var(--line); } .box.node { fill: var(--c); stroke: none; } .boxtext { font-weight: 600; } .node + .boxtext { fill: #fff; }
.msg line, .msg path { stroke: var(--m); fill: none; stroke-width: 1.4; } .msg .tip { fill: var(--m); stroke: none; } .msg text { fill: var(--m); }
.req { --m: var(--request); } .r1 { --m: var(--soft); } .r2 { --m: var(--good); } .r4 { --m: var(--warn); } .gone { --m: var(--bad); } .inside { --m: var(--dim); }
.gone line, .inside line { stroke-dasharray: 4 4; } .event { fill: var(--bad); opacity: .09; } .eventtext { fill: var(--bad); font-weight: 600; }
`;

"""How the gate's page looks: narrow and wide, light and dark, without a request for anything."""

from __future__ import annotations

# Text and state colours keep a contrast of 4.5:1 and more on their background (WCAG 2.2, 1.4.3).
STYLE = """
:root{color-scheme:light dark;--ground:#fff;--raised:#f5f6f8;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;
--good:#1a7f37;--bad:#b42318;--waits:#8a5a00;--fill:#2f6fb3}
@media(prefers-color-scheme:dark){:root{--ground:#0f1318;--raised:#1a2027;--ink:#e6e9ed;--soft:#9aa5b1;
--line:#343d47;--good:#57c576;--bad:#ff8a80;--waits:#e3b341;--fill:#6ea8e5}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.5rem 0 .5rem}
h4{font-size:.9rem;margin:.5rem 0;color:var(--soft)}p{margin:.5rem 0}
header{border-left:.4rem solid;padding:.5rem 1rem;background:var(--raised)}
header p{color:var(--ink)}header.good{color:var(--good)}header.bad{color:var(--bad)}header.waits{color:var(--waits)}
ul{padding-left:1.2rem;margin:.5rem 0}li{margin:.35rem 0;overflow-wrap:anywhere}
.reasons li::marker{color:var(--bad)}.notes li::marker{color:var(--waits)}
code{font:.875em/1.4 ui-monospace,monospace;overflow-wrap:anywhere;unicode-bidi:isolate}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;width:100%;font-size:.925rem}
caption{text-align:left;color:var(--soft);padding-bottom:.25rem}
th,td{text-align:left;vertical-align:top;padding:.35rem 1rem .35rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600}tbody th{font-weight:400}
.figure{text-align:right}td.figure{font-variant-numeric:tabular-nums;white-space:nowrap}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:1rem}
figure{margin:0;padding:.5rem;background:var(--raised)}figcaption{color:var(--soft);font-size:.875rem}
svg{width:100%;height:auto;display:block;font:13px system-ui,sans-serif}
svg text{fill:var(--ink);text-anchor:middle}svg .tick{text-anchor:end;fill:var(--soft)}svg .axis{fill:var(--soft)}
svg .told{paint-order:stroke;stroke:var(--raised);stroke-width:4px}svg .grid{stroke:var(--line)}svg .good{fill:var(--fill)}svg .bad{fill:var(--bad)}
svg .mark{stroke:var(--ink);stroke-width:2;stroke-dasharray:5 3}
details{border-bottom:1px solid var(--line);padding:.35rem 0}summary{cursor:pointer;overflow-wrap:anywhere}
summary span{color:var(--soft);font-size:.875rem}
.lists{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:0 1.5rem}
ol{margin:.25rem 0;padding-left:2rem}.both{color:var(--good);font-size:.8rem}
"""

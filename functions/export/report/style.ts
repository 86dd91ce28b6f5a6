/** The style of the run report, and the policy that allows it and nothing else. */
import { createHash } from 'node:crypto';

export const STYLE = `
:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--text:#1c2128;--muted:#57606a;--line:#d9dee4;--link:#0a5bc4;
--ok:#176f2c;--ok-bg:#e2f5e6;--warn:#7a4b00;--warn-bg:#fff3d1;--bad:#a40e26;--bad-bg:#ffe7e9;
--fast:#5a92da;--usual:#2560b4;--slow:#8a3300;--code:#eef1f4}
@media(prefers-color-scheme:dark){:root{--bg:#0e1116;--card:#171b22;--text:#e6eaf0;--muted:#9aa5b1;--line:#303842;--link:#6cb0ff;
--ok:#66d08a;--ok-bg:#12301c;--warn:#f0c05a;--warn-bg:#352806;--bad:#ff8f98;--bad-bg:#3d1219;
--fast:#3f74b8;--usual:#7db4f5;--slow:#ffc08a;--code:#222933}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header{max-width:1080px;margin:0 auto;padding:0 16px}
header{padding-top:20px}
h1{font-size:26px;line-height:1.25;margin:0;font-weight:650;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 10px}
h3{font-size:14px;margin:18px 0 6px}
p{margin:0 0 10px}
a{color:var(--link)}
.top{color:var(--muted);margin:0 0 10px;font-size:13px}
.state{border-radius:12px;padding:20px 22px;border:1px solid;border-left-width:10px;display:flex;gap:16px;align-items:flex-start}
.state>div{min-width:0;flex:1}
.ok{color:var(--ok)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.state.ok{background:var(--ok-bg)}.state.warn{background:var(--warn-bg)}.state.bad{background:var(--bad-bg)}
.state p,.state pre{color:var(--text);margin:8px 0 0}
.state p{overflow-wrap:anywhere}
.state .facts{color:var(--muted);font-size:14px}
.sign{width:34px;height:34px;flex:none}
.sign path{fill:none;stroke:currentColor;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 18px;margin:14px 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:14px 0;padding:0;border:0;background:none}
.figures h2{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.figures dl{display:contents}
.figure{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px;margin:0}
.figure dt{color:var(--muted);font-size:13px}
.figure dd{margin:0;font-size:13px;color:var(--muted)}
.figure dd.value{font-size:25px;line-height:1.3;font-weight:650;color:var(--text);font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 12px 5px 0;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
thead th{border-top:0;color:var(--muted);font-weight:500;font-size:13px}
tbody th{font-weight:400}
td:last-child,th:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap}
.checks th:first-child{width:200px}.checks th:nth-child(2),.checks td.mark{width:130px}.checks td.mark{white-space:nowrap;font-weight:600}
.failures th,.failures td:not(:last-child){white-space:nowrap;overflow-wrap:normal}.failures td:last-child{min-width:220px}
.share{width:22%}
.share svg{display:block;width:100%;height:8px;margin-top:8px}
.tag{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:0 8px;font-size:12px;white-space:nowrap;margin-right:4px}
.muted{color:var(--muted)}.small{font-size:13px}
pre{background:var(--code);border-radius:8px;padding:10px 12px;margin:6px 0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;user-select:all}
.state pre{white-space:pre;overflow-wrap:normal;overflow-x:auto}
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
details{margin-top:10px}
summary{cursor:pointer;color:var(--link)}
.chart{display:block;width:100%;overflow:visible}
.axis{display:flex;justify-content:space-between;color:var(--muted);font-size:12px;margin-top:3px;font-variant-numeric:tabular-nums}
.plot{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 10px}
.plot .axis{grid-column:2}
.scale{display:flex;flex-direction:column;justify-content:space-between;color:var(--muted);font-size:12px;text-align:right;line-height:1;font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:10px 0 0;list-style:none;font-size:13px;color:var(--muted)}
.phases{margin:6px 0 14px}.phases strong{color:var(--text)}
.scroll{overflow-x:auto}.scroll:focus-visible,pre:focus-visible{outline:2px solid var(--link)}
.legend svg{width:22px;height:12px;vertical-align:-1px;margin-right:6px}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:0 32px}
.two>div{min-width:0}
.fast{fill:var(--fast)}.usual{fill:var(--usual)}.slow{fill:var(--slow)}
.phase{fill:var(--code)}.retried{fill:var(--bad)}
.rule{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke;fill:none}
.line{stroke:var(--usual);stroke-width:2;vector-effect:non-scaling-stroke;fill:none;stroke-linejoin:round}
.dot{stroke:var(--usual);stroke-width:7;stroke-linecap:round;vector-effect:non-scaling-stroke;fill:none}
.dot.drifted{stroke:var(--slow);stroke-width:10;stroke-linecap:square}
.dot.unverified{stroke:var(--muted);stroke-width:9}
.dot.now{stroke-width:13}
.dot.refused{stroke:var(--bad);stroke-width:12;stroke-linecap:square}
.band{fill:var(--bad-bg)}
.limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:5 4;vector-effect:non-scaling-stroke}
footer{max-width:1080px;margin:0 auto;padding:4px 16px 28px;color:var(--muted);font-size:13px}
@media(max-width:600px){.scroll table:not(.failures){min-width:480px}body{font-size:14px}h1{font-size:20px}.state{padding:14px;gap:10px;border-left-width:6px}.sign{width:26px;height:26px}
section{padding:14px 12px}.figures{grid-template-columns:1fr 1fr;gap:8px}.figure{padding:10px 12px}.figure dd.value{font-size:20px}
.checks th:first-child{width:auto;min-width:92px}.checks th:nth-child(2),.checks td.mark{width:auto}.share{display:none}th,td{padding-right:8px}
.fields thead{display:none}.fields tr{display:flex;flex-wrap:wrap;gap:0 14px;border-top:1px solid var(--line);padding:5px 0}.fields th,.fields td{border:0;padding:0}.fields th{flex-basis:100%}
.failures thead{display:none}.failures tr{display:flex;flex-wrap:wrap;gap:0 14px;border-top:1px solid var(--line);padding:5px 0}.failures tr>*,.failures tr>:last-child{border:0;padding:0;min-width:0}.failures td:last-child{flex-basis:100%}
.failures tr>:not(:last-child){white-space:normal;overflow-wrap:anywhere}.failures .n::before{content:"attempts: "}}
@media print{body{background:#fff}section,.figure,.state{break-inside:avoid}details::details-content{content-visibility:visible;height:auto}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;

/** No script, no request, no form: the page can only show itself. The icon is empty, so that no browser asks for one. */
export const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/// How pages look: on screens by day and by night, on paper, and on narrow telephones.
module internal Dkim.Core.Programs.Tool.Pages.StyleSheet

open System
open System.Security.Cryptography
open System.Text

/// The sheet itself, which a page holds between `style` tags: nothing of a message is in it.
[<Literal>]
let Text =
    """
:root { color-scheme: light dark; --ink: #1c2126; --dim: #59636e; --paper: #ffffff; --panel: #f4f6f8; --line: #d5dbe1;
  --good: #0f6b33; --bad: #b3261e; --note: #7a5200; --del: #ffd9d6; --ins: #cdf2d8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ed; --dim: #9aa7b4; --paper: #14181c; --panel: #1e242a;
  --line: #38424c; --good: #6fd493; --bad: #ff8f87; --note: #e8b75c; --del: #6b1f1b; --ins: #14532b; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
header, main, nav, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; padding-top: .75rem; border-top: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
p { margin: .4rem 0; max-width: 60rem; }
nav ul { padding: 0; margin: .75rem 0 0; list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
a { color: inherit; text-underline-offset: .15em; }
a:focus-visible { outline: 3px solid var(--note); outline-offset: 2px; }
footer { color: var(--dim); padding-top: 2rem; padding-bottom: 2rem; font-size: .875rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
caption { text-align: left; color: var(--dim); font-size: .875rem; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
thead th { color: var(--dim); font-weight: 600; overflow-wrap: normal; font-size: .875rem; border-bottom: 2px solid var(--line); }
tbody th { font-weight: 600; }
.sides tbody th { font-weight: 400; color: var(--dim); }
code, pre { font: .8125rem/1.55 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { margin: .5rem 0; padding: .6rem .8rem; background: var(--panel); border: 1px solid var(--line); border-radius: .35rem; }
td > code { display: block; }
.badge { font-weight: 700; white-space: nowrap; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.note { color: var(--note); }
.dim { color: var(--dim); }
.facts th { width: 12rem; }
.rows td { min-width: 7.5rem; }
.sides { table-layout: fixed; }
.sides th[scope=row], .sides thead th:first-child { width: 6.5rem; }
.sides td { background: var(--panel); }
del, ins { color: inherit; text-decoration-thickness: 1px; border-radius: .15rem; }
del { background: var(--del); text-decoration-line: line-through; }
ins { background: var(--ins); text-decoration-line: underline; }
@media (max-width: 40rem) { th, td { padding: .25rem .35rem; } .rows td { min-width: 0; } .facts th { width: 7rem; }
  .sides th[scope=row], .sides thead th:first-child { width: 4.5rem; } }
@media print { :root { --ink: #000; --dim: #333; --paper: #fff; --panel: #fff; --line: #999; --good: #064; --bad: #900;
  --note: #530; --del: #fdd; --ins: #dfd; } body { font-size: 10pt; } nav { display: none; }
  header, main, footer { max-width: none; padding: 0; } h2, h3 { break-after: avoid; } tr, pre { break-inside: avoid; }
  del, ins { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

/// What a policy of content calls it (CSP 3 §2.3.1, `hash-source`).
let source: string =
    "'sha256-"
    + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes Text))
    + "'"

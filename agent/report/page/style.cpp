#include "agent/report/page/style.hpp"

namespace nodeproof::report::page {
namespace {

// Every pair of ink and ground has a contrast of 4.5 at least, in both schemes; the page's test in
// a browser computes them. overflow: clip keeps what a hostile text stacks over its line (accents)
// inside its own block.
constexpr Literal kStyle = R"css(
:root {
  color-scheme: light dark;
  --ground: #f3f4f6; --card: #ffffff; --well: #f3f4f6; --ink: #1b1f24; --soft: #55606c; --line: #d8dce2;
  --fail: #b3231a; --fail-tint: #fdeeec; --unknown: #5f3dc4; --unknown-tint: #f2eefd;
  --warn: #855300; --warn-tint: #fdf3e0; --ready: #17663a; --ready-tint: #e7f5ec; --info: #3d5a73; --info-tint: #ecf1f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1317; --card: #181d23; --well: #11161b; --ink: #e7eaee; --soft: #a5b0bc; --line: #313a44;
    --fail: #ff9d93; --fail-tint: #341a18; --unknown: #c5b5ff; --unknown-tint: #241d3d;
    --warn: #f2be6b; --warn-tint: #32260f; --ready: #86dca6; --ready-tint: #12291c; --info: #a9c3da; --info-tint: #1a2630;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: clamp(.75rem, 3vw, 2rem); max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, p, dl, dd, ul, pre, table { margin: 0; padding: 0; }
h1 { font-size: clamp(1.4rem, 1.1rem + 1.6vw, 2.1rem); line-height: 1.2; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .75rem; }
h2 small { font-weight: 400; color: var(--soft); font-size: 1rem; }
h3 { font-size: 1.05rem; line-height: 1.3; }
ul { list-style: none; }
h1 span, h3, p, dd, pre, th, td, .names li { overflow: clip; }
a { color: inherit; text-underline-offset: .2em; }
code, pre, .name { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
pre { white-space: pre-wrap; background: var(--well); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .65rem; }
summary { cursor: pointer; padding: .15rem 0; }
summary:focus-visible, a:focus-visible { outline: 3px solid var(--info); outline-offset: 3px; border-radius: .3rem; }
.sprite { display: none; }
svg.mark { width: 1.05em; height: 1.05em; flex: none; vertical-align: -.14em; fill: currentColor; }

.fail { --tone: var(--fail); --tint: var(--fail-tint); }
.unknown { --tone: var(--unknown); --tint: var(--unknown-tint); }
.warn { --tone: var(--warn); --tint: var(--warn-tint); }
.ready { --tone: var(--ready); --tint: var(--ready-tint); }
.info { --tone: var(--info); --tint: var(--info-tint); }

.top {
  background: var(--tint); border: 1px solid var(--line); border-top: .4rem solid var(--tone); border-radius: .75rem;
  padding: clamp(.9rem, 3vw, 1.75rem);
}
.kind { color: var(--soft); font-size: .875rem; margin-bottom: .35rem; }
.top h1 { color: var(--tone); display: flex; gap: .55rem; }
.top h1 .mark { margin-top: .1em; }
.lead { font-size: 1.1rem; font-weight: 600; margin-top: .6rem; }
.when { color: var(--soft); margin-top: .35rem; font-size: .925rem; }
.when b { color: var(--ink); font-weight: 600; }
.notice {
  display: flex; gap: .55rem; margin-top: .75rem; padding: .55rem .75rem; background: var(--card); border-left: .3rem solid var(--tone);
  border-radius: .3rem;
}
.notice .mark { color: var(--tone); margin-top: .25em; }

.bar { display: block; width: 100%; height: .6rem; margin-top: 1.1rem; border-radius: .3rem; }
.bar .fail, .bar .unknown, .bar .warn, .bar .ready, .bar .info { fill: var(--tone); }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: 1rem; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.tiles a { display: flex; align-items: center; gap: .4rem; padding: .35rem .7rem; text-decoration: none; color: var(--ink); }
.tiles span { display: flex; align-items: center; gap: .4rem; padding: .35rem .7rem; }
.tiles b { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.tiles .mark { color: var(--tone); }
.tiles a:hover { text-decoration: underline; }

.card {
  background: var(--card); border: 1px solid var(--line); border-left: .3rem solid var(--tone, var(--line)); border-radius: .6rem;
  padding: .9rem 1.1rem; margin-bottom: .75rem;
}
.head { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .65rem; }
.badge {
  display: inline-flex; align-items: center; gap: .35rem; flex: none; padding: .1rem .6rem; border-radius: 1rem; background: var(--tint);
  color: var(--tone); font-size: .875rem; font-weight: 600;
}
.meaning { color: var(--soft); }
.where { margin-top: .35rem; font-size: .925rem; color: var(--soft); }
.where .name { color: var(--ink); font-size: .925em; }
.only { color: var(--fail); font-weight: 600; }
.message { margin-top: .6rem; font-size: 1.05rem; }
.remedy { margin-top: .6rem; padding: .55rem .75rem; border-radius: .4rem; background: var(--ready-tint); }
.remedy b { color: var(--ready); }
.card dl { display: grid; grid-template-columns: minmax(6.5rem, max-content) minmax(0, 1fr); gap: .3rem 1rem; margin-top: .6rem; }
dt { color: var(--soft); font-size: .925rem; }
.card details { margin-top: .7rem; }
.card details > summary { color: var(--soft); font-size: .925rem; }
.card details p { margin-top: .4rem; font-size: .925rem; }
.cut { color: var(--soft); font-size: .875rem; }
.calm { color: var(--soft); }

.image { position: relative; }
.image > summary { padding-right: 1.75rem; display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .65rem; list-style: none; }
.image > summary::-webkit-details-marker { display: none; }
.image > summary::after { content: ""; width: .5rem; height: .5rem; position: absolute; right: 1.25rem; top: 1.2rem; border: solid var(--soft); border-width: 0 2px 2px 0; transform: rotate(45deg); }
.image[open] > summary::after { transform: rotate(-135deg); top: 1.4rem; }
.image > summary h3 { font-weight: 600; min-width: 0; }
.brief { color: var(--soft); font-weight: 400; font-size: .925rem; }

.scroll { overflow-x: auto; margin-top: .8rem; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 400; }
tbody th { font-weight: 600; }
th { min-width: 4.5rem; }
td { overflow-wrap: break-word; }
td.wide { overflow-wrap: anywhere; min-width: 7rem; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td .badge { background: none; padding: 0; margin-right: .35rem; }

.names { display: flex; flex-wrap: wrap; gap: .3rem; margin-top: .6rem; }
.names li {
  background: var(--well); border: 1px solid var(--line); border-radius: .35rem; padding: 0 .45rem; font-size: .925rem;
}
.card .facts { margin-top: 0; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: .75rem 1.5rem; }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem; }

@media (max-width: 34rem) {
  .card { padding: .8rem .85rem; }
  .tiles { gap: .35rem; }
  .tiles a, .tiles span { padding: .25rem .5rem; }
  th, td { padding-right: .5rem; }
  th { min-width: 5.25rem; }
  .card dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .card dd + dt { margin-top: .5rem; }
  .card .facts { gap: .6rem; }
  .spare { display: none; }
}
@media print {
  :root {
    color-scheme: light; --ground: #ffffff; --card: #ffffff; --well: #ffffff; --ink: #000000; --soft: #333333; --line: #999999;
    --fail: #8a120b; --unknown: #43289b; --warn: #5e3b00; --ready: #0d4a28; --info: #233b50;
    --fail-tint: #ffffff; --unknown-tint: #ffffff; --warn-tint: #ffffff; --ready-tint: #ffffff; --info-tint: #ffffff;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .card { break-inside: avoid; }
  .card.image[open] { break-inside: auto; }
  details::details-content { content-visibility: visible; block-size: auto; }
  h2 { break-after: avoid; }
}
)css";

}  // namespace

Literal style_sheet() { return kStyle; }

}  // namespace nodeproof::report::page

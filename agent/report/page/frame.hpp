// What every page has: head with its content security policy, style, marks, and words for times.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "agent/report/page/markup.hpp"

namespace nodeproof::report::page {

enum class Tone { fail, unknown, warn, ready, info };

[[nodiscard]] Tone tone_of(Verdict verdict);
[[nodiscard]] Tone tone_of(Severity severity);
[[nodiscard]] Html style_of(Tone tone);  // the class name

// A shape of its own for each tone: colour alone tells nothing.
[[nodiscard]] Html mark(Tone tone);
[[nodiscard]] Html badge(Tone tone, const Html& word);
[[nodiscard]] Html verdict_word(Verdict verdict);
[[nodiscard]] Html badge(Verdict verdict);
[[nodiscard]] Html badge(Severity severity);

// "<time ...>2026-11-21 10:00:05 UTC</time>"
[[nodiscard]] Html time_text(std::chrono::system_clock::time_point time);
// "5 minutes", "3 hours", "2 days"
[[nodiscard]] Html age_text(std::chrono::seconds age);
// "1 node", "5 nodes"
[[nodiscard]] Html counted(std::size_t count, Literal one, Literal many);
// "12 more ... are left out, for the page's sake: ..."; empty if none are.
[[nodiscard]] Html left_out(const Ration& ration, Literal what, Literal all_by);

// "Silent 5"
[[nodiscard]] Html heading(Literal words, std::size_t count);
// <section> with its heading and id
[[nodiscard]] Html section(Literal id, const Html& heading, const Html& content);
// <dt><dd>; empty if there is no value
[[nodiscard]] Html row(Literal term, const Html& value);
[[nodiscard]] Html code_text(std::string_view foreign);

struct Tile {
  std::size_t count = 0;
  Html word;
  Tone tone = Tone::unknown;
  Html target = {};  // a section's id
};
// Those that count something.
[[nodiscard]] Html tiles(const std::vector<Tile>& tiles);

struct Frame {
  Html title;
  Html head;  // inside <header>
  Tone tone = Tone::unknown;
  Html main;
  Html foot;
};
[[nodiscard]] std::string whole_page(const Frame& frame);

}  // namespace nodeproof::report::page

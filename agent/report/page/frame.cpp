#include "agent/report/page/frame.hpp"

#include "agent/report/page/style.hpp"
#include "common/clock.hpp"
#include "common/crypto.hpp"
#include "common/text.hpp"
#include "common/version.hpp"

namespace nodeproof::report::page {
namespace {

// Drawn, for a font may lack them and a phone makes emoji of them.
constexpr Literal kMarks =
    "<svg class=\"sprite\" aria-hidden=\"true\">"
    "<symbol id=\"m-fail\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 .5a7.5 7.5 0 1 "
    "0 0 15 7.5 7.5 0 0 0 0-15zM5.2 3.9 8 6.7l2.8-2.8 1.3 1.3L9.3 8l2.8 2.8-1.3 1.3L8 9.3l-2.8 "
    "2.8-1.3-1.3L6.7 8 3.9 5.2z\"/></symbol>"
    "<symbol id=\"m-ready\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 .5a7.5 7.5 0 "
    "1 "
    "0 0 15 7.5 7.5 0 0 0 0-15zM3.7 8.2 5 6.9l2 2 4-4.3 1.3 1.2L7 11.5z\"/></symbol>"
    "<symbol id=\"m-warn\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 .9l7.7 "
    "14.2H.3zM7.1 6v4.2h1.8V6zm0 5.4v1.8h1.8v-1.8z\"/></symbol>"
    "<symbol id=\"m-unknown\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M3.5 .5h9a3 3 "
    "0 0 "
    "1 3 3v9a3 3 0 0 1-3 3h-9a3 3 0 0 1-3-3v-9a3 3 0 0 1 3-3zM4.9 6A3.1 3.1 0 1 1 9 "
    "8.9v1.3H7.1V7.4H8A1.3 "
    "1.3 0 1 0 6.7 6zM7.1 11.2v1.9H9v-1.9z\"/></symbol>"
    "<symbol id=\"m-info\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 .5a7.5 7.5 0 1 "
    "0 0 15 7.5 7.5 0 0 0 0-15zM7.1 3.7v1.8h1.8V3.7zm0 3v5.6h1.8V6.7z\"/></symbol>"
    "</svg>\n";

constexpr std::size_t kMaxCode = 512;  // bytes of a digest, a path ...

// CSP 3, hash-source: of the bytes between the style element's tags.
std::string style_hash() {
  const Digest digest = hash_of(as_bytes(style_sheet().str()));
  std::string raw;
  for (std::size_t at = 0; at + 1 < digest.hex().size(); at += 2) {
    const auto nibble = [&](std::size_t i) {
      const char c = digest.hex()[i];
      return c <= '9' ? c - '0' : c - 'a' + 10;
    };
    raw += static_cast<char>(nibble(at) * 16 + nibble(at + 1));
  }
  return "sha256-" + base64_encode(as_bytes(raw));
}

Html head(const Frame& frame) {
  return Html("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n") +
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '" +
         escaped(style_hash()) + "'; base-uri 'none'; form-action 'none'\">\n" +
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
         "<meta name=\"color-scheme\" content=\"light dark\">\n" +
         "<meta name=\"referrer\" content=\"no-referrer\">\n" +
         "<meta name=\"robots\" content=\"noindex\">\n" + element("title", frame.title) +
         "\n<style>" + Html(style_sheet()) + "</style>\n</head>\n";
}

Html severity_word(Severity severity) {
  switch (severity) {
    case Severity::fail:
      return "Fails";
    case Severity::warn:
      return "Warning";
    case Severity::info:
      return "Remark";
    case Severity::unknown:
      break;
  }
  return "Not known";
}

}  // namespace

Tone tone_of(Verdict verdict) {
  if (verdict == Verdict::ready) return Tone::ready;
  return verdict == Verdict::not_ready ? Tone::fail : Tone::unknown;
}

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::fail:
      return Tone::fail;
    case Severity::warn:
      return Tone::warn;
    case Severity::info:
      return Tone::info;
    case Severity::unknown:
      break;
  }
  return Tone::unknown;
}

Html style_of(Tone tone) {
  switch (tone) {
    case Tone::fail:
      return "fail";
    case Tone::warn:
      return "warn";
    case Tone::ready:
      return "ready";
    case Tone::info:
      return "info";
    case Tone::unknown:
      break;
  }
  return "unknown";
}

Html mark(Tone tone) {
  return Html("<svg class=\"mark\" aria-hidden=\"true\"><use href=\"#m-") + style_of(tone) +
         "\"/></svg>";
}

Html badge(Tone tone, const Html& word) {
  return Html("<span class=\"badge ") + style_of(tone) + "\">" + mark(tone) + word + "</span>";
}

Html verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "Ready";
    case Verdict::not_ready:
      return "Not ready";
    case Verdict::unknown:
      break;
  }
  return "Unknown";
}

Html badge(Verdict verdict) { return badge(tone_of(verdict), verdict_word(verdict)); }

Html badge(Severity severity) { return badge(tone_of(severity), severity_word(severity)); }

Html time_text(std::chrono::system_clock::time_point time) {
  const std::string exact = to_rfc3339(time);
  std::string words = exact;
  words.replace(words.find('T'), 1, " ").replace(words.find('Z'), 1, " UTC");
  return Html("<time datetime=\"") + text(exact) + "\">" + text(words) + "</time>";
}

Html age_text(std::chrono::seconds age) {
  using std::chrono::days, std::chrono::hours, std::chrono::minutes, std::chrono::duration_cast;
  const auto whole = [age]<class Unit>() {
    return static_cast<std::size_t>(duration_cast<Unit>(age).count());
  };
  if (age >= days(2)) return counted(whole.operator()<days>(), "day", "days");
  if (age >= hours(2)) return counted(whole.operator()<hours>(), "hour", "hours");
  return counted(whole.operator()<minutes>(), "minute", "minutes");
}

Html counted(std::size_t count, Literal one, Literal many) {
  return number(count) + " " + (count == 1 ? Html(one) : Html(many));
}

Html left_out(const Ration& ration, Literal what, Literal all_by) {
  if (ration.left_out() == 0) return {};
  return Html("<p class=\"notice info\">") + mark(Tone::info) + "<span>" +
         number(ration.left_out()) + " more " + Html(what) +
         " left out, to keep this page small. All of them: <code>" + Html(all_by) +
         "</code></span></p>\n";
}

Html heading(Literal words, std::size_t count) {
  return Html(words) + " <small>" + number(count) + "</small>";
}

Html section(Literal id, const Html& heading, const Html& content) {
  return Html("<section id=\"") + Html(id) + "\">\n<h2>" + heading + "</h2>\n" + content +
         "</section>\n";
}

Html row(Literal term, const Html& value) {
  if (value.empty()) return {};
  return Html("<dt>") + Html(term) + "</dt><dd>" + value + "</dd>";
}

Html code_text(std::string_view foreign) {
  return foreign.empty() ? Html() : element("code", text(foreign, kMaxCode));
}

Html tiles(const std::vector<Tile>& tiles) {
  Html list;
  for (const Tile& tile : tiles) {
    if (tile.count == 0) continue;
    const Html content = mark(tile.tone) + "<b>" + number(tile.count) + "</b> " + tile.word;
    list += Html("<li class=\"") + style_of(tile.tone) + "\">";
    list += tile.target.empty() ? Html("<span>") + content + "</span>"
                                : Html("<a href=\"#") + tile.target + "\">" + content + "</a>";
    list += "</li>";
  }
  return list.empty() ? list : element("ul", "tiles", list) + "\n";
}

std::string whole_page(const Frame& frame) {
  const Html page = head(frame) + "<body>\n" + kMarks + "<header class=\"top " +
                    style_of(frame.tone) + "\">\n" + frame.head + "</header>\n<main>\n" +
                    frame.main + "</main>\n<footer>" + frame.foot + " Written by nodeproof " +
                    text(build_info().version) +
                    ". It needs no network, and runs no scripts.</footer>\n</body>\n</html>\n";
  return page.str();
}

}  // namespace nodeproof::report::page

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/smoke/judge_kinds.hpp"
#include "common/pattern.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kRemedy = "correct the file in the image, or the test";

char type_letter(unsigned mode, bool go) {
  if (S_ISDIR(mode)) return 'd';
  if (S_ISCHR(mode)) return 'c';
  if (S_ISBLK(mode)) return 'b';
  if (S_ISFIFO(mode)) return 'p';
  if (S_ISSOCK(mode)) return go ? 'S' : 's';
  return '-';
}

std::string nine_bits(unsigned mode) {
  std::string text = "rwxrwxrwx";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((mode & (0400U >> i)) == 0) text[i] = '-';
  }
  return text;
}

// As ls(1) writes it: "drwxrwxrwt".
std::string ls_mode(unsigned mode) {
  std::string text = type_letter(mode, false) + nine_bits(mode);
  const auto mark = [&](unsigned bit, std::size_t place, char with, char without) {
    if ((mode & bit) != 0) text[place] = text[place] == 'x' ? with : without;
  };
  mark(S_ISUID, 3, 's', 'S');
  mark(S_ISGID, 6, 's', 'S');
  mark(S_ISVTX, 9, 't', 'T');
  return text;
}

// As Go's fs.FileMode writes it, which is what container-structure-test compares: "dtrwxrwxrwx".
std::string go_mode(unsigned mode) {
  std::string text;
  if (const char letter = type_letter(mode, true); letter != '-') text += letter;
  if ((mode & S_ISUID) != 0) text += 'u';
  if ((mode & S_ISGID) != 0) text += 'g';
  if (S_ISCHR(mode)) text.insert(0, 1, 'D');
  if ((mode & S_ISVTX) != 0) text += 't';
  return (text.empty() ? "-" : text) + nine_bits(mode);
}

// A symlink's own mode is always lrwxrwxrwx.
bool has_mode(const std::string& wanted, const FileFacts& facts) {
  if (wanted.starts_with('l') || wanted.starts_with('L')) return !facts.link.empty();
  return wanted == ls_mode(facts.mode) || wanted == go_mode(facts.mode);
}

unsigned executable_bits(std::string_view by) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 4> kBits = {
      {{"owner", 0100}, {"group", 0010}, {"other", 0001}, {"any", 0111}}};
  for (const auto& [name, bits] : kBits) {
    if (by == name) return bits;
  }
  return 0;
}

std::string owner_problem(std::string_view which, std::optional<unsigned> wanted, unsigned found) {
  if (!wanted || *wanted == found) return {};
  return "its " + std::string(which) + " is " + std::to_string(found) + ", expected " +
         std::to_string(*wanted);
}

// Everything that is wrong with a file that is there; "" = nothing.
std::string metadata_problem(const FileCheck& check, const FileFacts& facts) {
  std::string all;
  const auto add = [&](const std::string& problem) {
    if (!problem.empty()) all += (all.empty() ? "" : "; ") + problem;
  };
  if (!check.mode.empty() && !has_mode(check.mode, facts))
    add("its mode is " + ls_mode(facts.mode) + ", expected " + printable(check.mode, 20));
  add(owner_problem("user ID", check.uid, facts.uid));
  add(owner_problem("group ID", check.gid, facts.gid));
  if (!check.executable_by.empty() && (facts.mode & executable_bits(check.executable_by)) == 0)
    add("it is not executable by " + printable(check.executable_by, 20));
  return all;
}

Judged judge_content(const std::string& what, const FileCheck& check, const FileFacts& facts) {
  const auto wrong = [&](std::string reason, bool unknown, std::string remedy) {
    return judge_mismatch(what, check.path,
                          {printable(check.path) + ' ' + std::move(reason),
                           facts.content.value_or(""), unknown, std::move(remedy)});
  };
  if (check.contains.empty() && check.excludes.empty()) return {true, "", std::nullopt};
  if (!S_ISREG(facts.mode)) return wrong("is no regular file", false, std::string(kRemedy));
  if (!facts.content) {
    const bool large = facts.size > kMaxContentBytes;
    return wrong(large ? "is too large to search: " + human_bytes(facts.size)
                       : std::string("could not be read"),
                 true, "ask for less of it, or search it with a command of the image");
  }
  const auto search = [&](const std::string& expression, bool wanted) -> std::optional<Judged> {
    const auto pattern = Pattern::compile(expression);
    if (!pattern)
      return wrong("cannot be judged: " + pattern.error().message, true, pattern.error().remedy);
    if (pattern->found_in(*facts.content) == wanted) return std::nullopt;
    return wrong(
        (wanted ? "does not contain " : "contains what it must not: ") + printable(expression, 200),
        false, std::string(kRemedy));
  };
  for (const std::string& expression : check.contains) {
    if (auto judged = search(expression, true)) return *std::move(judged);
  }
  for (const std::string& expression : check.excludes) {
    if (auto judged = search(expression, false)) return *std::move(judged);
  }
  return {true, "", std::nullopt};
}

}  // namespace

Judged judge_file(const std::string& what, const FileCheck& check, const FileFacts& facts) {
  const std::string name = printable(check.path);
  const auto wrong = [&](std::string reason, bool unknown = false) {
    return judge_mismatch(
        what, check.path,
        {name + ' ' + std::move(reason), facts.link.empty() ? "" : "a symlink to " + facts.link,
         unknown, std::string(kRemedy)});
  };
  if (facts.foreign) {
    Judged judged =
        wrong("lies on a mount of the smoke container's own, which hides the image's", true);
    judged.finding->remedy = "ask for a file outside of /proc, /sys, /dev and what is mounted";
    return judged;
  }
  const bool absent = facts.error == ENOENT || facts.error == ENOTDIR;
  if (facts.error != 0 && !absent)
    return wrong("could not be looked at: " + errno_name(facts.error), true);
  if (absent && !check.exists) return {true, "", std::nullopt};
  if (absent) return wrong(facts.link.empty() ? "is not in the image" : "leads nowhere");
  if (!check.exists) return wrong("is in the image, and must not be");
  const std::string problem = metadata_problem(check, facts);
  if (!problem.empty()) return wrong("is not as expected: " + problem);
  return judge_content(what, check, facts);
}

}  // namespace nodeproof::smoke

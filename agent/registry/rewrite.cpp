#include "agent/registry/rewrite.hpp"

#include "common/pattern.hpp"
#include "common/words.hpp"

namespace nodeproof::registry {

Result<> check_rewrite(const std::string& expression, const std::string& replacement) {
  const auto pattern = Pattern::compile(expression);
  const auto tried =
      pattern ? pattern->replaced_in("", replacement) : std::unexpected(pattern.error());
  if (tried) return {};
  return std::unexpected(
      Error(tried.error()).with_context("rewrite '" + excerpt(expression, 64) + "'"));
}

Result<std::string> rewritten(std::string path, const Rewrites& rewrites) {
  for (const auto& [expression, replacement] : rewrites) {
    const Pattern pattern = TRY(Pattern::compile(expression));
    std::string changed = TRY(pattern.replaced_in(path, replacement));
    if (changed != path) return changed;
  }
  return path;
}

}  // namespace nodeproof::registry

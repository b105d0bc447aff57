#include "common/amount.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>

#include "common/words.hpp"

namespace nodeproof {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr double kKilo = 1000;
constexpr double kKibi = 1024;
constexpr std::array<Unit, 15> kUnits = {{{"", 1},
                                          {"B", 1},
                                          {"k", kKilo},
                                          {"K", kKilo},
                                          {"kB", kKilo},
                                          {"M", kKilo* kKilo},
                                          {"MB", kKilo* kKilo},
                                          {"G", kKilo* kKilo* kKilo},
                                          {"GB", kKilo* kKilo* kKilo},
                                          {"T", kKilo* kKilo* kKilo* kKilo},
                                          {"TB", kKilo* kKilo* kKilo* kKilo},
                                          {"Ki", kKibi},
                                          {"Mi", kKibi* kKibi},
                                          {"Gi", kKibi* kKibi* kKibi},
                                          {"Ti", kKibi* kKibi* kKibi* kKibi}}};
constexpr double kMost = 1e18;
constexpr double kWhole = 100;

std::unexpected<Error> not_an_amount(std::string_view text) {
  return fail(
      Errc::invalid_document,
      "\"" + excerpt(text, 64) + "\" is not an amount such as \"2GB\", \"500Mi\" or \"15%\"");
}

}  // namespace

std::uint64_t Amount::of(std::uint64_t whole) const {
  if (units != 0) return units;
  return static_cast<std::uint64_t>(static_cast<double>(whole) * percent / kWhole);
}

Result<Amount> parse_amount(std::string_view text) {
  double number = 0;
  const char* const last = std::to_address(text.end());
  const auto [end, failure] =
      std::from_chars(std::to_address(text.begin()), last, number, std::chars_format::fixed);
  if (failure != std::errc() || !std::isfinite(number) || number < 0) return not_an_amount(text);
  std::string_view unit(end, static_cast<std::size_t>(last - end));
  if (unit == "%") {
    if (number > kWhole) return not_an_amount(text);
    return Amount{.units = 0, .percent = number};
  }
  if (unit.size() == 3 && unit.ends_with("iB")) unit.remove_suffix(1);
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    if (number * known.factor > kMost) return not_an_amount(text);
    return Amount{.units = static_cast<std::uint64_t>(number * known.factor), .percent = 0};
  }
  return not_an_amount(text);
}

}  // namespace nodeproof

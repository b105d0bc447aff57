#include <algorithm>
#include <bit>

#include "agent/config/sections.hpp"

namespace nodeproof::config {
namespace {

constexpr std::uint64_t kLargestPage = 1U << 20U;
constexpr std::chrono::milliseconds kLongestTest{std::chrono::hours(1)};

// ---- when ----
Result<> read_architecture(const Entry& entry, HostCondition& into) {
  Platform platform;
  platform.architecture = TRY(entry.text());
  if (platform.architecture.empty()) return {};
  into.architecture = normalize(platform).architecture;
  // A misspelt one would fit no host, and the image would silently be required nowhere.
  constexpr auto kKnown = std::to_array<std::string_view>(
      {"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"});
  if (std::ranges::find(kKnown, into.architecture) != kKnown.end()) return {};
  return entry.error("\"" + excerpt(platform.architecture, 64) +
                     "\" is no architecture such as \"arm64\" or \"amd64\"");
}

Result<> read_page_size(const Entry& entry, HostCondition& into) {
  into.page_size = TRY(entry.number(0, kLargestPage));
  if (into.page_size != 0 && !std::has_single_bit(into.page_size)) {
    return entry.error("a page size is a power of two in bytes, such as 16384; 0 = any");
  }
  return {};
}

constexpr std::array kWhen = {Field<HostCondition>{"architecture", read_architecture},
                              Field<HostCondition>{"board", text<&HostCondition::board>},
                              Field<HostCondition>{"page_size", read_page_size}};

// ---- smoke ----
Result<> read_exit(const Entry& entry, SmokeExpectation& into) {
  into.exit = static_cast<int>(TRY(entry.number(0, 255)));
  return {};
}

constexpr std::array kExpect = {
    Field<SmokeExpectation>{"exit", read_exit},
    Field<SmokeExpectation>{"stdout", regex<&SmokeExpectation::stdout_regex>},
    Field<SmokeExpectation>{"stderr", regex<&SmokeExpectation::stderr_regex>}};

Result<> read_args(const Entry& entry, SmokeTest& into) {
  into.args = TRY(entry.texts());
  if (into.args.empty() || into.args.front().empty()) {
    return entry.error("the first argument is the program and must not be empty");
  }
  return {};
}

Result<> read_env(const Entry& entry, SmokeTest& into) {
  into.env = TRY(entry.texts());
  const auto is_setting = [](const std::string& text) {
    const std::size_t equals = text.find('=');
    return equals != 0 && equals != std::string::npos;
  };
  if (!std::ranges::all_of(into.env, is_setting)) return entry.error("write each as NAME=value");
  return {};
}

Result<> read_timeout(const Entry& entry, SmokeTest& into) {
  into.timeout = TRY(entry.duration());
  if (into.timeout > kLongestTest) return entry.error("at most \"1h\"");
  return {};
}

constexpr std::array kSmoke = {Field<SmokeTest>{"name", text<&SmokeTest::name>},
                               Field<SmokeTest>{"args", read_args},
                               Field<SmokeTest>{"env", read_env},
                               Field<SmokeTest>{"user", text<&SmokeTest::user>},
                               Field<SmokeTest>{"timeout", read_timeout},
                               Field<SmokeTest>{"expect", [](const Entry& entry, SmokeTest& into) {
                                                  return read_fields<SmokeExpectation>(
                                                      entry, kExpect, into.expect);
                                                }}};

Result<> read_smoke(const Entry& entry, RequiredImage& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    SmokeTest test;
    const Entry here = entry.child(item);
    TRY(read_fields<SmokeTest>(here, kSmoke, test));
    if (test.name.empty()) return here.error("a smoke test needs a \"name\"");
    if (test.args.empty()) return here.error("a smoke test needs \"args\"");
    if (std::ranges::find(into.smoke, test.name, &SmokeTest::name) != into.smoke.end()) {
      return here.error("two smoke tests of this image are named \"" + excerpt(test.name, 64) +
                        "\"");
    }
    into.smoke.push_back(std::move(test));
  }
  return {};
}

// ---- an image ----
Result<> read_emulation(const Entry& entry, RequiredImage& into) {
  static constexpr std::array kChoices = {Choice<Emulation>{"refuse", Emulation::refuse},
                                          Choice<Emulation>{"warn", Emulation::warn},
                                          Choice<Emulation>{"allow", Emulation::allow}};
  into.emulation = TRY(one_of<Emulation>(entry, kChoices));
  return {};
}

Result<> read_on_tag_moved(const Entry& entry, RequiredImage& into) {
  static constexpr std::array kChoices = {Choice<OnTagMoved>{"report", OnTagMoved::report},
                                          Choice<OnTagMoved>{"prove", OnTagMoved::prove},
                                          Choice<OnTagMoved>{"follow", OnTagMoved::follow}};
  into.on_tag_moved = TRY(one_of<OnTagMoved>(entry, kChoices));
  return {};
}

constexpr std::array kImage = {Field<RequiredImage>{"reference", text<&RequiredImage::reference>},
                               Field<RequiredImage>{"required", boolean<&RequiredImage::required>},
                               Field<RequiredImage>{"when",
                                                    [](const Entry& entry, RequiredImage& into) {
                                                      return read_fields<HostCondition>(
                                                          entry, kWhen, into.when);
                                                    }},
                               Field<RequiredImage>{"emulation", read_emulation},
                               Field<RequiredImage>{"on_tag_moved", read_on_tag_moved},
                               Field<RequiredImage>{"smoke", read_smoke}};

}  // namespace

Result<RequiredImage> read_image(const Entry& entry) {
  RequiredImage image;
  TRY(read_fields<RequiredImage>(entry, kImage, image));
  if (image.reference.empty()) return entry.error("an image needs a \"reference\"");
  return image;
}

std::vector<std::string> supported_image_keys() {
  std::vector<std::string> keys;
  list_keys<RequiredImage>("images[].", kImage, keys);
  list_keys<HostCondition>("images[].when.", kWhen, keys);
  list_keys<SmokeTest>("images[].smoke[].", kSmoke, keys);
  list_keys<SmokeExpectation>("images[].smoke[].expect.", kExpect, keys);
  return keys;
}

}  // namespace nodeproof::config

#include <algorithm>
#include <bit>

#include "agent/config/sections.hpp"

namespace nodeproof::config {
namespace {

constexpr std::uint64_t kLargestPage = 1U << 20U;

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

Result<> read_healthcheck(const Entry& entry, RequiredImage& into) {
  static constexpr std::array kChoices = {Choice<bool>{"ignore", false}, Choice<bool>{"run", true}};
  into.healthcheck = TRY(one_of<bool>(entry, kChoices));
  return {};
}

Result<> read_structure_tests(const Entry& entry, RequiredImage& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    into.structure_tests.push_back(TRY(here.path()));
    if (into.structure_tests.back().empty()) {
      return here.error("the path of a container-structure-test file");
    }
  }
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
                               Field<RequiredImage>{"smoke", read_smoke},
                               Field<RequiredImage>{"healthcheck", read_healthcheck},
                               Field<RequiredImage>{"structure_tests", read_structure_tests},
                               Field<RequiredImage>{"sandbox", read_sandbox},
                               Field<RequiredImage>{"golden", read_golden}};

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
  for (const auto& more : {supported_smoke_keys(), supported_sandbox_keys()}) {
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return keys;
}

}  // namespace nodeproof::config

#include "agent/inspect/census.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "agent/inspect/paths.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kShownPaths = 5;
constexpr std::size_t kMaxGroups = 8;  // of places; the smaller ones are told together

// Code that the host's processor never executes as a Linux program.
bool is_payload(std::string_view path) {
  constexpr auto kPlaces = std::to_array<std::string_view>(
      {"boot/", "lib/firmware/", "usr/lib/firmware/", "usr/share/qemu/", "usr/lib/u-boot/",
       "usr/share/seabios/", "usr/lib/grub/", "usr/share/edk2/", "usr/share/OVMF/"});
  return std::ranges::any_of(kPlaces,
                             [&](std::string_view place) { return path.starts_with(place); });
}

// The package a path belongs to where its manager keeps one folder per package, else its directory.
std::string place_of(std::string_view path) {
  const auto parts = split(parent_of(path), "/");
  std::size_t keep = parts.size();
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const bool python = parts[i] == "site-packages" || parts[i] == "dist-packages";
    if (parts[i] != "node_modules" && !python) continue;
    keep = i + 2;
    if (parts[i + 1].starts_with('@') && i + 2 < parts.size()) keep = i + 3;
  }
  std::string place;
  for (std::size_t i = 0; i < keep; ++i) place = join(place, parts[i]);
  return place;
}

class Taker {
 public:
  Taker(const HostFacts& host, const MergedView& view)
      : host_(host), view_(view), own_(normalize(host.platform).architecture) {}

  void skip(const Reachability& reached) {
    for (const Reached& file : reached.files) reached_.insert(file.path);
    for (const Problem& problem : reached.problems) {  // a finding of its own already
      if (problem.obstacle == Obstacle::library_foreign) reached_.insert(problem.subject.substr(1));
    }
    for (const Program& program : reached.programs) {
      const elf::Header& header = program.node.elf()->header;
      if (fit(host_, header) == Fit::foreign) told_.insert(header.machine);
    }
  }

  void look(const std::string& path, const Node& node) {
    const elf::Facts* facts = node.elf();
    if (!is_linux_program(path, facts->header)) return;
    const elf::Header& header = facts->header;
    const Fit fits = fit(host_, header);
    if (fits == Fit::other) return;
    const std::string architecture = elf::oci_architecture(header);
    const bool expected = fits != Fit::native && is_expected_place(view_, path, architecture, own_);
    if (!expected && !architecture.empty()) ++census_.files[architecture];
    if (fits == Fit::native || reached_.contains(path)) return;
    const Group kind{.machine = header.machine,
                     .header = header,
                     .directory = {},
                     .layer = node.layer->layer.str(),
                     .expected = expected,
                     .compatible = fits == Fit::compatible,
                     .told = !expected && told_.contains(header.machine),
                     .count = 0,
                     .first = {}};
    const std::string place = is_quiet(kind) ? "" : place_of(path);
    Group& group = groups_.try_emplace({expected, header.machine, place}, kind).first->second;
    group.directory = place;
    ++group.count;
    if (group.first.size() < kShownPaths) group.first.push_back("/" + printable(path));
  }

  Census take() {
    for (auto& [key, group] : groups_) census_.groups.push_back(std::move(group));
    std::ranges::sort(census_.groups, [](const Group& a, const Group& b) {
      return std::tie(b.count, a.directory, a.machine) < std::tie(a.count, b.directory, b.machine);
    });
    fold();
    return std::move(census_);
  }

 private:
  using Key = std::tuple<bool, std::uint16_t, std::string>;

  static bool is_quiet(const Group& group) {
    return group.expected || group.compatible || group.told;
  }

  void fold() {
    std::size_t places = 0;
    std::map<std::uint16_t, Group> rest;
    std::erase_if(census_.groups, [&](const Group& group) {
      if (is_quiet(group) || ++places <= kMaxGroups) return false;
      const auto [whole, fresh] = rest.try_emplace(group.machine, group);
      whole->second.directory.clear();
      if (!fresh) whole->second.count += group.count;
      return true;
    });
    for (auto& [machine, group] : rest) census_.groups.push_back(std::move(group));
  }

  const HostFacts& host_;
  const MergedView& view_;
  std::string own_;
  std::set<std::string, std::less<>> reached_;
  std::set<std::uint16_t> told_;  // machines of foreign programs of a start
  std::map<Key, Group> groups_;
  Census census_;
};

}  // namespace

// Linux itself never looks at EI_OSABI, but what names another system is not meant for it.
bool is_linux_program(std::string_view path, const elf::Header& header) {
  const bool type = header.type == elf::kTypeExecutable || header.type == elf::kTypeShared;
  const bool abi = header.os_abi == 0 || header.os_abi == 3 || header.os_abi == 97;
  return type && abi && !is_payload(path);
}

Census take_census(const HostFacts& host, const MergedView& view, const Reachability& reached) {
  Taker taker(host, view);
  taker.skip(reached);
  for (const auto& [path, node] : view.nodes()) {
    if (node.type() == EntryType::file && node.elf() != nullptr) {
      taker.look(std::string(path), node);
    }
  }
  return taker.take();
}

}  // namespace nodeproof::inspect

// Which entry of an index this host's containerd takes, and why.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/resolve/rules.hpp"
#include "common/oci.hpp"

namespace nodeproof::resolve {

struct Choice {
  std::optional<std::size_t> entry;  // none fits = absent
  std::string sentence;              // why this one; or what exists when none fits
};

// containerd's images.Manifest: entries that match or have no platform, best rank first, the first
// of equals, those without a platform last. Attestations and what is neither index nor manifest are
// left out.
[[nodiscard]] Choice choose(const std::vector<Descriptor>& entries, const Platform& host,
                            ContainerdRules rules);

// May containerd take it: an image or an index, and no attestation?
[[nodiscard]] bool is_candidate(const Descriptor& entry);

// What the node comes to hold: what a kubelet there pulls, and where that is nothing, what
// nodeproof's own pull takes, which is a local one.
struct Taken {
  Choice choice;
  std::string otherwise;  // how the other pull of the same containerd differs; "" = it does not
};
[[nodiscard]] Taken take(const std::vector<Descriptor>& entries, const Platform& host,
                         ContainerdRules rules);

// A kubelet's containerd, done with a pull, asks for the image's size and there puts every entry
// with a platform before those without: it looks for a manifest that it did not fetch, and the pull
// fails. The entry that it looks for; none = absent.
[[nodiscard]] std::optional<std::size_t> sized_instead(const std::vector<Descriptor>& entries,
                                                       std::size_t chosen);

// What the index offers, attestations left out, as written.
[[nodiscard]] std::vector<Platform> offered_platforms(const std::vector<Descriptor>& entries);

// "linux/amd64, linux/386"; "nothing" for an empty list.
[[nodiscard]] std::string list_platforms(const std::vector<Platform>& platforms);

}  // namespace nodeproof::resolve

// NVIDIA Jetson: which Linux for Tegra, which JetPack.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace nodeproof::host {

struct Jetson {
  std::string l4t;      // "36.3.0"; "" = no Jetson
  std::string jetpack;  // "6.0"; "" = not known
};

// "# R36 (release), REVISION: 3.0, GCID: ..." -> "36.3.0"; "" = another text.
[[nodiscard]] std::string parse_tegra_release(std::string_view text);

// /etc/nv_tegra_release, and the version of the package nvidia-jetpack.
[[nodiscard]] Jetson read_jetson(const std::filesystem::path& root);

}  // namespace nodeproof::host

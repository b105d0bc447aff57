// OCI image layouts made by hand, so that tests can also make wrong ones.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/fakes/fake_image.hpp"

namespace nodeproof::fakes {

class LayoutWriter {
 public:
  Descriptor blob(std::string bytes, std::string media_type);
  // Config, layers and manifest; the answer is the manifest's descriptor with its platform.
  Descriptor image(const FakeImage& image);
  Descriptor index(const std::vector<Descriptor>& entries);
  // An entry of index.json.
  LayoutWriter& entry(Descriptor descriptor, std::map<std::string, std::string> annotations = {});

  // By path; written as it stands. "index.json" and "oci-layout" are made from the entries unless
  // they are in it.
  std::map<std::string, std::string> files;
  static std::string path_of(const Digest& digest);

  void to_folder(const std::filesystem::path& folder) const;
  [[nodiscard]] std::string tar() const;

 private:
  [[nodiscard]] std::map<std::string, std::string> all() const;
  std::vector<Descriptor> entries_;
};

}  // namespace nodeproof::fakes

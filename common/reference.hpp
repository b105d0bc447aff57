// Image references as distribution/reference normalises them (docker.io/library/x:latest).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/digest.hpp"

namespace nodeproof {

// Exists only validated and normalised. With tag and digest the digest wins; the tag is for
// display.
class Reference {
 public:
  static Result<Reference> parse(std::string_view text);

  [[nodiscard]] const std::string& domain() const { return domain_; }  // host[:port], "docker.io"
  [[nodiscard]] const std::string& path() const { return path_; }      // "library/debian"
  [[nodiscard]] std::string repository() const { return domain_ + "/" + path_; }
  [[nodiscard]] const std::string& tag() const { return tag_; }  // "" only if a digest is given
  [[nodiscard]] const std::optional<Digest>& digest() const { return digest_; }
  // containerd's image name: repository:tag, or repository@digest when a digest is given.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string name_with_digest(const Digest& digest) const;  // repository@digest
  // What is asked of the registry: the digest if there is one, else the tag.
  [[nodiscard]] std::string identifier() const;
  friend bool operator==(const Reference&, const Reference&) = default;

 private:
  Reference() = default;
  std::string domain_, path_, tag_;
  std::optional<Digest> digest_;
};

}  // namespace nodeproof

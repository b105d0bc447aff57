// A registry in memory that can be written to: repositories with blobs, manifests and tags of their
// own, behind both ports.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/registry/writer.hpp"
#include "tests/fakes/fake_image.hpp"

namespace nodeproof {

// As strict as registry:2: a manifest is refused while its repository lacks what it refers to.
// Repositories and tags are named "r.example/team/app" and "r.example/team/app:1".
class FakeHub final : public Registry, public RegistryWriter {
 public:
  // ---- content ----
  // Config, layers and manifest; the answer is the manifest's descriptor as an index entry.
  Descriptor push_image(const std::string& repository, const FakeImage& image);
  Descriptor push_index(const std::string& tag, const std::vector<Descriptor>& entries);
  void tag(const std::string& tag, const Descriptor& manifest);
  void remove_object(const std::string& repository, const Digest& digest);
  [[nodiscard]] std::string bytes(const std::string& repository, const Digest& digest) const;
  [[nodiscard]] std::string tagged(const std::string& tag) const;  // digest; "" = no such tag

  // ---- behaviour ----
  bool deletes_tags = false;     // else by digest only, with all tags of the manifest
  bool loses_untagged = false;   // a manifest goes with its last tag
  bool lists_referrers = false;  // has the referrers API
  bool mounts = true;            // else every blob has to be uploaded
  std::function<void(const std::string& write)> before_write;  // of the log's next line
  std::function<void(const std::string& write)> after_put;
  std::optional<Error> blob_fault;  // of every question for a blob

  // ---- what was done: "mount REPO DIGEST", "upload ..", "put REPO:TAG", "put REPO@DIGEST",
  // "delete .." ----
  [[nodiscard]] std::vector<std::string> writes() const;

  // ---- the ports ----
  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  Result<std::optional<FetchedManifest>> referrers(const Reference& reference,
                                                   const Digest& subject,
                                                   const std::string& artifact_type,
                                                   std::stop_token stop) override;
  Result<BlobPush> push_blob(const Reference& target, const Descriptor& blob,
                             const BlobSource& source, std::stop_token stop) override;
  Result<> put_manifest(const Reference& target, const FetchedManifest& document,
                        const std::optional<Digest>& replaces, std::stop_token stop) override;
  Result<std::optional<Digest>> tag_digest(const Reference& tag, std::stop_token stop) override;
  Result<> remove(const Reference& reference, std::stop_token stop) override;

 private:
  struct Object {
    std::string bytes, media_type;
  };
  struct Repository {
    std::map<std::string, Object> objects;  // by digest
    std::map<std::string, Digest> tags;
  };
  void write(const std::string& line);
  Descriptor add(const std::string& repository, std::string bytes, const std::string& media_type);
  Result<FetchedManifest> find(const Reference& reference, const Digest& digest) const;
  Result<> check_references(const Reference& target, const FetchedManifest& document) const;
  [[nodiscard]] bool holds(const Reference& target, const Digest& digest) const;

  mutable std::recursive_mutex mutex_;
  std::map<std::string, Repository> repositories_;
  std::vector<std::string> writes_;
};

}  // namespace nodeproof

// The Registry port over OCI image layouts in folders and tars: a USB stick, an air-gapped site.
#pragma once

#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/layout.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::registry {

// A tag is the entry with the image's whole name; else the entry of which the layout says nothing
// but this tag, if it is one only and no other image of `asked` could be meant by it. A digest is
// found wherever its blob is. Layouts are opened when the first question comes.
//
// Errors name the image, the file and what to do: not_found (and what there is), unreachable when a
// path is not there, digest_mismatch for a file of another size or other bytes; those of Layout
// when an image is not found and a layout cannot be read.
class LayoutRegistry final : public Registry {
 public:
  // Each path is a layout or a folder of layouts. `asked`: all images this one will be asked for.
  LayoutRegistry(std::vector<std::filesystem::path> paths, std::vector<Reference> asked)
      : paths_(std::move(paths)), asked_(std::move(asked)) {}
  LayoutRegistry(const LayoutRegistry&) = delete;
  LayoutRegistry& operator=(const LayoutRegistry&) = delete;
  ~LayoutRegistry() override = default;

  // The first path's error when nothing could be opened at all: not_found when a folder holds no
  // layout, else those of Layout::open().
  Result<> usable();

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  // Up to 256 KiB are hashed before they are given, more on the way: such a blob, if it is damaged,
  // is given once, as the port allows, and refused by name from then on. So is one that was given
  // in part and then distrusted.
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  void distrust(const Digest& blob) override;

 private:
  using Copy = std::pair<std::string, Digest>;  // place and blob

  struct Sought {
    const Digest& digest;
    std::optional<std::uint64_t> size;
  };
  struct Stream {
    std::uint64_t position = 0;
    const ByteSink& sink;
    bool sink_refused = false;
    Result<> take(Bytes bytes, std::uint64_t end);
  };
  struct Named {
    std::string where;  // for messages
    const Descriptor& blob;
  };

  const std::vector<Layout>& layouts();
  void open_all();
  void open_one(const std::filesystem::path& place);
  Result<const LayoutEntry*> find(const Reference& reference);
  Result<const LayoutEntry*> the_one(const Reference& reference,
                                     const std::vector<const LayoutEntry*>& found);
  [[nodiscard]] bool may_mean_another(const Reference& reference) const;
  Error not_here(const Reference& reference);
  Result<std::string> document(const Sought& sought);
  Result<FetchedManifest> by_digest(const Digest& digest);
  Result<> send(const Layout& layout, const Descriptor& blob, Stream& stream,
                const std::stop_token& stop);
  void note(const Copy& copy, const Result<Digest>& found, bool gave);
  [[nodiscard]] bool is_damaged(const Layout& layout, const Digest& digest);
  static Result<Digest> send_pieces(const ByteSource& file, const Named& blob, Stream& stream,
                                    const std::stop_token& stop);
  Error absent(const Digest& digest, std::optional<Error> worst);

  std::vector<std::filesystem::path> paths_;
  std::vector<Reference> asked_;
  std::once_flag opened_;
  std::vector<Layout> layouts_;
  std::vector<Error> troubles_;  // of what could not be opened
  std::mutex mutex_;
  std::set<Copy> damaged_;
  std::set<Copy> unhashed_;  // given in part only
};

}  // namespace nodeproof::registry
